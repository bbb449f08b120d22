use crate::harness::{Server, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/events";

fn an_error(line_number: u32) -> Value {
    json!({"v": 1, "name": "shop", "hostname": "h1", "pid": 7, "level": 50, "time": "2026-11-20T10:30:00.000Z",
        "msg": "payment failed", "scope": "visit", "event": "trace", "req_id": "r1", "uid": "u1", "order": 5,
        "err": {"type": "Declined", "msg": "card declined", "stack": "a\nb", "file_path": "src/pay.rs", "line_number": line_number}})
}

#[tokio::test]
async fn a_batch_is_kept_and_its_errors_are_occurrences() {
    let server = Server::start().await;
    let info = json!({"name": "shop", "level": 30, "time": "2026-11-20T10:30:00Z", "msg": "started"});
    let body = format!("{}\n{{\"bad\":1}}\n{info}\n", an_error(1));
    let kept = answer(server.post(PATH).body(body).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(kept["accepted"], 2);
    assert_eq!(kept["rejected"].as_array().unwrap().len(), 1);
    assert_eq!(kept["rejected"][0]["index"], 1);
    assert_eq!(kept["rejected"][0]["code"], "missing_field");
    server.sql_becomes("SELECT count() FROM events", "2").await;
    // The views add up a moment after the events are there.
    let issue = "SELECT project, type, message, file_path, line_number, count FROM issues";
    server.sql_becomes(issue, "shop\tDeclined\tcard declined\tsrc/pay.rs\t1\t1").await;
    let attributes = server.sql("SELECT attributes FROM events WHERE level = 50 FORMAT TSVRaw").await;
    assert_eq!(serde_json::from_str::<Value>(&attributes).unwrap(), json!({"order": 5}));
}

#[tokio::test]
async fn equal_lines_in_one_batch_count_each_and_the_batch_sent_again_does_not() {
    let server = Server::start().await;
    let body = format!("{0}\n{0}\n{0}\n", an_error(1));
    for _ in 0..3 {
        let kept = answer(server.post(PATH).body(body.clone()).send().await.unwrap(), StatusCode::OK).await;
        assert_eq!(kept["accepted"], 3);
    }
    // With a key the batch as a whole counts once, whatever is in it.
    let info =
        json!({"name": "shop", "level": 30, "time": "2026-11-20T10:30:00Z", "msg": "started"}).to_string();
    for _ in 0..3 {
        let request = server.post(PATH).header("idempotency-key", "b1").body(info.clone());
        answer(request.send().await.unwrap(), StatusCode::OK).await;
    }
    server.sql_becomes("SELECT count(), countIf(level = 50) FROM events", "4\t3").await;
    server.sql_becomes("SELECT count FROM issues", "3").await;
}

#[tokio::test]
async fn a_batch_of_nothing_but_bad_records_is_refused_with_each_reason() {
    let server = Server::start().await;
    let refused = server.post(PATH).body("{}\nnonsense\n").send().await.unwrap();
    let refused = answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["accepted"], 0);
    let codes: Vec<_> =
        refused["rejected"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["missing_field", "malformed_json"]);
}

#[tokio::test]
async fn a_batch_beyond_the_limits_is_refused_as_a_whole() {
    let server = Server::start().await;
    let line = r#"{"name":"a","level":30,"time":0,"msg":"m"}"#;
    let many = format!("{line}\n").repeat(10_001);
    answer(server.post(PATH).body(many).send().await.unwrap(), StatusCode::PAYLOAD_TOO_LARGE).await;
    let large = vec![b' '; (8 << 20) + 1];
    answer(server.post(PATH).body(large).send().await.unwrap(), StatusCode::PAYLOAD_TOO_LARGE).await;
    answer(server.post(PATH).body("").send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    answer(server.post(PATH).body("[1,").send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, "0");
}

#[tokio::test]
async fn ten_thousand_records_at_once() {
    let server = Server::start().await;
    let lines: String = (0..10_000).map(|n| json!({"name": "a", "level": 30, "time": "2026-11-20T10:30:00Z", "msg": "m", "extra": format!("n={n}")}).to_string() + "\n").collect();
    let kept = answer(server.post(PATH).body(lines).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(kept, json!({"accepted": 10_000, "rejected": []}));
    server.sql_becomes("SELECT count(), uniqExact(extra) FROM events", "10000\t10000").await;
}
