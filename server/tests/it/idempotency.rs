use crate::harness::{Server, a_report, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn report_with_key(server: &Server, key: &str, report: &Value) -> Value {
    let request = server.post("/api/v1/logs/report").header("idempotency-key", key).json(report);
    answer(request.send().await.unwrap(), StatusCode::OK).await
}

#[tokio::test]
async fn the_same_key_counts_once_and_gets_the_same_answer_through_a_crash_too() {
    let server = Server::start().await;
    let first = report_with_key(&server, "k1", &a_report(1)).await;
    assert_eq!(first["is_new"], true);
    assert_eq!(report_with_key(&server, "k1", &a_report(1)).await, first);
    assert_eq!(report_with_key(&server, "k2", &a_report(1)).await["is_new"], false);
    let server = server.kill_and_restart().await;
    assert_eq!(report_with_key(&server, "k1", &a_report(1)).await, first);
    assert_eq!(report_with_key(&server, "k3", &a_report(1)).await["is_new"], false);
    server.sql_becomes("SELECT count FROM issues", "3").await;
}

#[tokio::test]
async fn an_event_id_is_a_key_too() {
    let server = Server::start().await;
    let mut report = a_report(1);
    report["event_id"] = json!("e1");
    let first = server.report(&report).await;
    assert_eq!(server.report(&report).await, first);
    // The same key in the header.
    assert_eq!(report_with_key(&server, "e1", &a_report(1)).await, first);
    // Of another project it is another key.
    report["project_id"] = json!("other");
    assert_eq!(server.report(&report).await["is_new"], true);
    server.sql_becomes("SELECT sum(count) FROM issues", "2").await;
}

#[tokio::test]
async fn one_event_by_two_ways_counts_once() {
    let server = Server::start().await;
    let mut report = a_report(1);
    report["event_id"] = json!("e1");
    server.report(&report).await;
    let record = json!({"name": "rtc_backend", "level": 50, "time": "2026-11-20T10:30:00Z", "msg": "m", "event_id": "e1",
        "err": {"type": "ValueError", "msg": "x", "file_path": "apps/users/views.py", "line_number": 1, "stack": ""}});
    let body = format!("{record}\n{record}");
    answer(server.post("/api/v1/events").body(body).send().await.unwrap(), StatusCode::OK).await;
    // Something behind it, so that there is something to wait for.
    server.report(&a_report(2)).await;
    server.sql_becomes("SELECT count() FROM issues", "2").await;
    assert_eq!(server.sql("SELECT sum(count) FROM issues").await, "2");
}

#[tokio::test]
async fn a_key_that_none_can_be_is_named() {
    let server = Server::start().await;
    for key in ["", "a b", &"x".repeat(129)] {
        let request = server.post("/api/v1/logs/report").header("idempotency-key", key).json(&a_report(1));
        let refused = answer(request.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["error"]["field"], "Idempotency-Key", "{key:?}");
    }
}
