//! The plain pages.

use crate::harness::{DEADLINE, Server, a_report, shared_clickhouse, signal};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Instant;

async fn page(server: &Server, path: &str) -> (StatusCode, String) {
    let response = server.client.get(format!("{}{path}", server.dashboard)).send().await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn empty_page_says_how_to_begin() {
    let server = Server::start().await;
    let (status, html) = page(&server, "/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("curl http://127.0.0.1:8002/api/v1/logs/report"), "{html}");
    let (_, html) = page(&server, "/?project=nobody").await;
    assert!(html.contains("No issue passes this filter"), "{html}");
}

#[tokio::test]
async fn strangers_words_stay_words() {
    let server = Server::start().await;
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let mut report = a_report(1);
    for field in ["/project_id", "/version", "/error/type", "/error/message", "/error/file_path"] {
        *report.pointer_mut(field).unwrap() = json!(evil);
    }
    report["error"]["stack_trace"] = json!([evil]);
    report["context"] = json!({evil: evil, "user_id": evil});
    let id = server.report(&report).await["id"].as_u64().unwrap();
    server.sql_becomes("SELECT count() FROM issues", "1").await;
    for path in ["/".to_owned(), format!("/issues/{id}"), "/?text=%22%3E%3Cscript%3E".to_owned()] {
        let (status, html) = page(&server, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!html.contains("<script") && !html.contains("<img"), "{path}: {html}");
        assert!(html.contains("&lt;script&gt;"), "{path}");
    }
}

#[tokio::test]
async fn list_is_filtered_and_paged_by_its_address() {
    let server = Server::start().await;
    for line in 1..=52 {
        let mut report = a_report(line);
        report["error"]["type"] = json!(format!("Error{line:02}"));
        server.report(&report).await;
    }
    server.sql_becomes("SELECT count() FROM issues", "52").await;
    let (_, first) = page(&server, "/?project=rtc_backend&status=NEW").await;
    assert!(first.contains(">Error52<") && !first.contains(">Error02<"), "{first}");
    let next = first.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let (status, second) = page(&server, &next.replace("&amp;", "&")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        second.contains(">Error02<") && second.contains(">Error01<") && !second.contains(">Error03<"),
        "{second}"
    );
    let (_, found) = page(&server, "/?text=error17").await;
    assert!(found.contains(">Error17<") && !found.contains(">Error18<"), "{found}");
}

#[tokio::test]
async fn what_is_not_there_has_a_page() {
    let server = Server::start().await;
    for (path, expected) in [
        ("/issues/1", StatusCode::NOT_FOUND),
        ("/issues/x", StatusCode::NOT_FOUND),
        ("/elsewhere", StatusCode::NOT_FOUND),
        ("/?status=OPEN", StatusCode::UNPROCESSABLE_ENTITY),
        ("/?cursor=1", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, html) = page(&server, path).await;
        assert_eq!(status, expected, "{path}");
        assert!(html.contains("<h1>") && html.contains("All issues"), "{path}: {html}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_said() {
    if shared_clickhouse().is_some() {
        // Others use it.
        return;
    }
    let server = Server::start().await;
    signal(server.engine_pid.unwrap(), "KILL");
    let started = Instant::now();
    let html = loop {
        let (status, html) = page(&server, "/").await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            break html;
        }
        assert!(started.elapsed() < DEADLINE, "never 503");
    };
    assert!(html.contains("ClickHouse does not answer"), "{html}");
    while page(&server, "/").await.0 != StatusCode::OK {
        assert!(started.elapsed() < DEADLINE, "never back");
    }
}
