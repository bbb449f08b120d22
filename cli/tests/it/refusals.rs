//! What a server refuses is told in its own words: a command has no rules of its own for what it passes on.

use super::{command, run};
use crate::harness::Server;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[tokio::test]
async fn a_wrong_value_is_told_with_its_name() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    for (arguments, field) in [
        (&["requests", "--status", "600x"][..], "status"),
        (&["requests", "--status", "99"], "status"),
        (&["requests", "--status", "five"], "status"),
        (&["requests", "--state", "broken"], "state"),
        (&["requests", "--state", "ok", "--sort", "failing"], "sort"),
        (&["requests", "--min-ms", "long"], "min_ms"),
        (&["requests", "--max-ms", "-1"], "max_ms"),
        (&["requests", "--hops", "some"], "hops"),
        (&["requests", "--since", "yesterday"], "since"),
        (&["requests", "--state", "unfinished", "--min-ms", "5"], "min_ms"),
        (&["search", "--since", "yesterday"], "since"),
        (&["search", "--until", "2026-13-01"], "until"),
        (&["search", "tm:fast"], "tm"),
        (&["search", "(a"], "character"),
        (&["tail", "--since", "yesterday"], "since"),
        (&["tail", "-n", "5", "color:red"], "there is no field color"),
        (&["issues", "--status", "done"], "status"),
        (&["issues", "--level", "loud"], "level"),
        (&["issues", "--sort", "name"], "sort"),
        (&["issues", "--order", "up"], "order"),
        (&["issues", "--since", "soon"], "since"),
        (&["trace", "two words"], "req_id"),
    ] {
        let ran = run(command(&server.api, &state, arguments), "").await;
        ran.ended(1, &["log-center: the server answers 422: ", field]);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
}

/// The query of each request that came.
type Asked = Arc<Mutex<Vec<String>>>;

async fn refuse(State(asked): State<Asked>, RawQuery(query): RawQuery) -> impl IntoResponse {
    asked.lock().unwrap().push(query.unwrap_or_default());
    let error =
        json!({"code": "invalid_value", "message": "since must not be after until", "field": "since"});
    (StatusCode::UNPROCESSABLE_ENTITY, json!({"status": "error", "error": error}).to_string())
}

#[tokio::test]
async fn what_is_typed_goes_to_the_server_as_it_is() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/behind/a/path", listener.local_addr().unwrap());
    let asked = Asked::default();
    let router = axum::Router::new().fallback(refuse).with_state(Arc::clone(&asked));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let state = TempDir::new().unwrap();
    for (arguments, query) in [
        (&["requests", "--status", "6xx"][..], "status=6xx&limit=50"),
        (&["requests", "--status", "xx,9XX"], "status=xx%2C9XX&limit=50"),
        (&["requests", "--since", "1h", "--until", "2h"], "since=1h&until=2h&limit=50"),
        (
            &["search", "--since", "2026-11-27T10:00:00+01:00", "--until", "2w"],
            "since=2026%2D11%2D27T10%3A00%3A00%2B01%3A00&until=2w&limit=50",
        ),
        (&["search", "a", "or", "b", "-n", "7"], "q=a%20or%20b&limit=7"),
        (
            &["issues", "--since", "1d", "--until", "7d", "--status", "no_state"],
            "status=NO%5FSTATE&since=1d&until=7d&limit=50",
        ),
    ] {
        let ran = run(command(&url, &state, arguments), "").await;
        ran.ended(1, &["log-center: the server answers 422: since must not be after until\n"]);
        assert_eq!(asked.lock().unwrap().pop().unwrap(), query, "{arguments:?}");
    }
    server.abort();
}
