//! What `import` does with answers that a server seldom gives: a server made of the answers, in the place of a real one.

use super::{command, lines, run};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A batch as it came: its key, and its records.
type Batch = (String, Vec<String>);

/// Answers batches as it is told and keeps them.
#[derive(Clone)]
struct Script {
    /// What is answered to the batch of that number, unless it is accepted.
    answer: fn(usize, &Batch) -> Option<Response>,
    batches: Arc<Mutex<Vec<Batch>>>,
}

async fn accept(State(script): State<Script>, headers: HeaderMap, body: Bytes) -> Response {
    let lines = String::from_utf8(body.to_vec()).unwrap().lines().map(str::to_owned).collect();
    let batch = (headers["idempotency-key"].to_str().unwrap().to_owned(), lines);
    let mut batches = script.batches.lock().unwrap();
    let answer = (script.answer)(batches.len(), &batch);
    let count = batch.1.len();
    batches.push(batch);
    answer.unwrap_or_else(|| axum::Json(json!({"accepted": count, "rejected": []})).into_response())
}

/// Imports so many lines into a server that answers like this; what was said, and the batches that came.
async fn import(
    count: u32,
    arguments: &[&str],
    answer: fn(usize, &Batch) -> Option<Response>,
) -> (super::Ran, Vec<Batch>) {
    let script = Script { answer, batches: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v1/events", post(accept)).with_state(script.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let state = TempDir::new().unwrap();
    let file = super::write(&state, "app.log", lines(count));
    let arguments = [&["import", "--compression", "none", &file], arguments].concat();
    let ran = run(command(&url, &state, &arguments), "").await;
    server.abort();
    let batches = script.batches.lock().unwrap().clone();
    (ran, batches)
}

fn refusal(status: u16, retry_after: Option<&'static str>) -> Option<Response> {
    let body = json!({"status": "error", "error": {"code": "x", "message": "so it is"}}).to_string();
    let mut answer = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("retry-after", seconds.parse().unwrap());
    }
    Some(answer)
}

#[tokio::test]
async fn a_batch_is_sent_with_the_same_key_until_it_is_taken() {
    let (ran, batches) = import(10, &[], |number, _| match number {
        0 => refusal(503, Some("1")),
        1 => refusal(429, Some("0")),
        2 => refusal(500, None),
        3 => Some("not JSON".into_response()),
        _ => None,
    })
    .await;
    // What cannot be read is no answer, but trying again would not help.
    ran.ended(1, &["trying again", "the server answers again", "of another version"]);
    assert_eq!(batches.len(), 4);
    assert!(batches.iter().all(|batch| *batch == batches[0]), "{batches:#?}");
}

#[tokio::test]
async fn what_is_too_large_for_a_server_is_sent_in_parts() {
    let too_large = |_: usize, batch: &Batch| {
        let is_heavy = batch.1.iter().any(|line| line.contains("\"pid\":700,"));
        if batch.1.len() > 1_000 || is_heavy { refusal(413, None) } else { None }
    };
    let (ran, batches) = import(5_000, &[], too_large).await;
    ran.ended(3, &["app.log:700: the server answers 413", "4,999 records imported, 1 line refused"]);
    let taken = batches.iter().filter(|batch| too_large(0, batch).is_none());
    let mut lines: Vec<_> = taken.clone().flat_map(|(_, lines)| lines.clone()).collect();
    let keys: std::collections::HashSet<_> = taken.clone().map(|(key, _)| key).collect();
    assert_eq!((lines.len(), keys.len()), (4_999, taken.count()));
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 4_999);
}

#[tokio::test]
async fn what_will_not_pass_ends_the_import() {
    for status in [400, 401, 403, 404, 415] {
        let (ran, batches) = match status {
            400 => import(10, &[], |_, _| refusal(400, None)).await,
            401 => import(10, &[], |_, _| refusal(401, None)).await,
            403 => import(10, &[], |_, _| refusal(403, None)).await,
            404 => import(10, &[], |_, _| refusal(404, None)).await,
            _ => import(10, &[], |_, _| refusal(415, None)).await,
        };
        ran.ended(1, &[&format!("the server answers {status}: so it is")]);
        assert_eq!(batches.len(), 1);
    }
    let (ran, _) = import(10, &["--patience", "0"], |_, _| refusal(503, None)).await;
    ran.ended(1, &["the server answers 503"]);
}
