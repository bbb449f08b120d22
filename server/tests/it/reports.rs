use crate::harness::{Server, a_report, answer};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATH: &str = "/api/v1/logs/report";

#[tokio::test]
async fn the_first_report_makes_an_issue_and_later_ones_raise_its_count() {
    let server = Server::start().await;
    let first = server.report(&a_report(42)).await;
    let keys: BTreeSet<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["status", "id", "fingerprint", "is_new"]));
    assert_eq!(first["status"], "ok");
    assert_eq!(first["is_new"], true);
    assert_eq!(first["fingerprint"], "c28b25b7d52420836670e6e071f446f4");
    assert!(first["id"].as_u64().unwrap() < 1 << 53);
    for _ in 0..2 {
        let again = server.report(&a_report(42)).await;
        let expected = json!({"status": "duplicate", "is_new": false, "id": first["id"], "fingerprint": first["fingerprint"]});
        assert_eq!(again, expected);
    }
    server.sql_becomes("SELECT count FROM issues", "3").await;
    assert_eq!(server.sql("SELECT count(), uniqExact(fingerprint) FROM events").await, "3\t1");
    assert_eq!(server.sql("SELECT id FROM issues").await, first["id"].to_string());
    let event = server.sql("SELECT * FROM events LIMIT 1 FORMAT JSONEachRow").await;
    let event: Value = serde_json::from_str(&event).unwrap();
    for (column, expected) in [
        ("project", json!("rtc_backend")),
        ("environment", json!("production")),
        ("level", json!(50)),
        ("req_id", json!("req_abc123")),
        ("uid", json!("u_12345")),
        ("err_type", json!("ValueError")),
        ("err_line_number", json!(42)),
        ("err_stack", json!("Traceback (most recent call last):\nValueError: invalid literal")),
    ] {
        assert_eq!(event[column], expected, "{column}");
    }
}

/// Fingerprints that 64 clients report at the same moment.
const STORMS: u32 = 250;

#[tokio::test]
async fn of_many_first_reports_at_once_exactly_one_is_new_and_none_after_a_restart() {
    let server = Server::start().await;
    for line_number in 0..STORMS {
        assert_eq!(storm(&server, line_number).await, 1, "line {line_number}");
    }
    let server = server.kill_and_restart().await;
    for line_number in (0..STORMS).step_by(10) {
        assert_eq!(storm(&server, line_number).await, 0, "line {line_number}");
    }
    let (issues, reports) = (STORMS, STORMS * 64 + STORMS / 10 * 64);
    server.sql_becomes("SELECT count(), sum(count) FROM issues", &format!("{issues}\t{reports}")).await;
}

/// How many of 64 simultaneous reports of one error are answered as new.
async fn storm(server: &Server, line_number: u32) -> usize {
    let report = a_report(line_number);
    let answers = join_all((0..64).map(|_| server.report(&report))).await;
    answers.iter().filter(|answer| answer["is_new"] == true).count()
}

#[tokio::test]
async fn everything_a_browser_or_a_compressing_client_sends_is_read() {
    let server = Server::start().await;
    let body = a_report(1).to_string();
    for content_type in
        ["application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8", ""]
    {
        let mut request = server.post(PATH).body(body.clone());
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        answer(request.send().await.unwrap(), StatusCode::OK).await;
    }
    for (encoding, bytes) in crate::bad_input::encoded(body.as_bytes()).await {
        let request = server.post(PATH).header("content-encoding", encoding).body(bytes);
        answer(request.send().await.unwrap(), StatusCode::OK).await;
    }
    server.sql_becomes("SELECT count FROM issues", "9").await;
}

#[tokio::test]
async fn a_browser_on_another_origin_may_report() {
    let server = Server::start().await;
    let preflight = server.client.request(Method::OPTIONS, format!("{}{PATH}", server.api));
    let preflight = preflight
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,idempotency-key");
    let response = preflight.send().await.unwrap();
    assert!(response.status().is_success());
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://app.example");
    assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
    assert!(headers.get("access-control-allow-credentials").is_none());
    let response =
        server.post(PATH).header("origin", "https://app.example").json(&a_report(1)).send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
}

#[tokio::test]
async fn a_wild_time_is_replaced_and_kept() {
    let server = Server::start().await;
    for (time, is_kept) in [("2001-01-01T00:00:00Z", true), ("9998-12-31T23:59:59Z", true), ("", false)] {
        let mut report = a_report(1);
        if !time.is_empty() {
            report["timestamp"] = json!(time);
        }
        server.report(&report).await;
        let condition = if is_kept {
            format!("client_time LIKE '{}%'", &time[..10])
        } else {
            "client_time = ''".to_owned()
        };
        let statement =
            format!("SELECT count() FROM events WHERE {condition} AND abs(time - received_at) < 1");
        server.sql_becomes(&statement, "1").await;
    }
}

#[tokio::test]
async fn events_of_many_days_arrive_all() {
    let server = Server::start().await;
    let today: i64 = server.sql("SELECT toUnixTimestamp(now())").await.parse().unwrap();
    for day in 0..30 {
        let mut report = a_report(7);
        report["timestamp"] = json!(
            server
                .sql(&format!("SELECT formatDateTime(toDateTime({}), '%FT%TZ')", today - day * 86_400))
                .await
        );
        server.report(&report).await;
    }
    server.sql_becomes("SELECT count FROM issues", "30").await;
    assert_eq!(server.sql("SELECT count(), uniqExact(toDate(time)) FROM events").await, "30\t30");
}
