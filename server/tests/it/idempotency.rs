use crate::harness::{Server, a_report, answer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::Write;

const EVENTS: &str = "/api/v1/events";
const REPORT: &str = "/api/v1/logs/report";

/// A line of this process.
fn line(name: &str, hostname: &str, pid: u32, msg: &str) -> String {
    let record = json!({"name": name, "hostname": hostname, "pid": pid, "level": 30, "msg": msg,
        "time": "2026-11-20T10:30:00Z"});
    record.to_string() + "\n"
}

async fn batch_with_key(server: &Server, key: &str, body: &str, status: StatusCode) -> Value {
    let request = server.post(EVENTS).header("idempotency-key", key).body(body.to_owned());
    answer(request.send().await.unwrap(), status).await
}

async fn packed_batch(server: &Server, key: &str, encoding: &'static str, body: Vec<u8>) -> Value {
    let request = server.post(EVENTS).header("idempotency-key", key).header("content-encoding", encoding);
    answer(request.body(body).send().await.unwrap(), StatusCode::OK).await
}

#[track_caller]
fn check_refused(refused: &Value, field: &str) {
    assert_eq!(refused["error"]["code"], "idempotency_key_reused", "{refused}");
    assert_eq!(refused["error"]["field"], field, "{refused}");
}

/// Waits until something that was sent last can be read, and with it everything before it.
async fn messages(server: &Server, of: &str) -> String {
    batch_with_key(server, "the-last", &line("end", "", 0, "end"), StatusCode::OK).await;
    server.sql_becomes("SELECT count() FROM events WHERE project = 'end'", "1").await;
    let statement = format!(
        "SELECT arrayStringConcat(arraySort(groupArray(msg)), ' ') FROM events WHERE project = '{of}'"
    );
    server.sql(&statement).await
}

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

#[tokio::test]
async fn the_key_of_a_batch_is_its_senders() {
    let server = Server::start().await;
    // Each numbers its batches from 1.
    let senders = [
        line("shop", "a", 1, "one"),
        line("pay", "a", 1, "two"),
        line("shop", "b", 1, "three"),
        line("shop", "a", 2, "four"),
        line("shop", "", 0, "five") + &line("pay", "a", 1, "six"),
        line("shopa", "", 1, "seven"),
    ];
    for _ in 0..2 {
        for body in &senders {
            let said = batch_with_key(&server, "1", body, StatusCode::OK).await;
            assert_eq!(said["accepted"], body.lines().count());
        }
    }
    assert_eq!(messages(&server, "shop").await, "five four one three");
    assert_eq!(
        server.sql("SELECT count() FROM events WHERE project LIKE 'shop%' OR project = 'pay'").await,
        "7"
    );
}

#[tokio::test]
async fn a_batch_that_comes_again_counts_once_however_it_is_packed_and_through_a_crash_too() {
    let server = Server::start().await;
    let body = line("shop", "a", 1, "one") + &line("pay", "a", 1, "two") + "{}\n";
    let first = batch_with_key(&server, "batch-1", &body, StatusCode::OK).await;
    assert_eq!((&first["accepted"], &first["rejected"][0]["index"]), (&json!(2), &json!(2)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(packed_batch(&server, "batch-1", "gzip", gzip.clone()).await, first);
    let server = server.kill_and_restart().await;
    let zstd = zstd::bulk::compress(body.as_bytes(), 3).unwrap();
    assert_eq!(packed_batch(&server, "batch-1", "zstd", zstd).await, first);
    assert_eq!(packed_batch(&server, "batch-1", "gzip", gzip).await, first);
    assert_eq!(messages(&server, "shop").await, "one");
    let other = body.replace("one", "other");
    check_refused(
        &batch_with_key(&server, "batch-1", &other, StatusCode::UNPROCESSABLE_ENTITY).await,
        "Idempotency-Key",
    );
}

#[tokio::test]
async fn other_content_under_the_key_of_a_batch_is_refused_and_not_stored() {
    let server = Server::start().await;
    let (one, two) = (line("shop", "a", 1, "one"), line("shop", "a", 1, "two"));
    batch_with_key(&server, "k", &one, StatusCode::OK).await;
    for other in [two.clone(), one.clone() + &two, format!(" {one}")] {
        let refused = batch_with_key(&server, "k", &other, StatusCode::UNPROCESSABLE_ENTITY).await;
        check_refused(&refused, "Idempotency-Key");
    }
    // What was refused is taken under a key of its own, and the first one is remembered as ever.
    batch_with_key(&server, "k2", &two, StatusCode::OK).await;
    batch_with_key(&server, "k", &one, StatusCode::OK).await;
    assert_eq!(messages(&server, "shop").await, "one two");
}

#[tokio::test]
async fn of_many_that_come_at_once_under_one_key_one_is_taken() {
    const MANY: usize = 16;
    let server = Server::start().await;
    let sent: Vec<_> = (0..MANY)
        .map(|number| {
            let body = line("shop", "a", 1, &format!("number {number}"));
            tokio::spawn(server.post(EVENTS).header("idempotency-key", "k").body(body).send())
        })
        .collect();
    let mut taken = 0;
    for answer in sent {
        match answer.await.unwrap().unwrap().status() {
            StatusCode::OK => taken += 1,
            status => assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY),
        }
    }
    assert_eq!(taken, 1);
    messages(&server, "shop").await;
    assert_eq!(server.sql("SELECT count() FROM events WHERE project = 'shop'").await, "1");
}

#[tokio::test]
async fn the_key_of_a_report_is_its_projects_and_stands_for_one_body() {
    let server = Server::start().await;
    let mut other_project = a_report(1);
    other_project["project_id"] = json!("other");
    let first = report_with_key(&server, "1", &a_report(1)).await;
    assert_eq!(report_with_key(&server, "1", &other_project).await["is_new"], true);
    let refused = server.post(REPORT).header("idempotency-key", "1").json(&a_report(2)).send().await.unwrap();
    check_refused(&answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "Idempotency-Key");

    let mut named = a_report(1);
    named["event_id"] = json!("e1");
    server.report(&named).await;
    named["error"]["message"] = json!("something else");
    let refused = server.post(REPORT).json(&named).send().await.unwrap();
    check_refused(&answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "event_id");
    // A new key in the header does not make it another event.
    let refused = server.post(REPORT).header("idempotency-key", "new").json(&named).send().await.unwrap();
    check_refused(&answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "event_id");

    let server = server.kill_and_restart().await;
    let refused = server.post(REPORT).header("idempotency-key", "1").json(&a_report(2)).send().await.unwrap();
    check_refused(&answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "Idempotency-Key");
    assert_eq!(report_with_key(&server, "1", &a_report(1)).await, first);
    // The refused ones have used up no key and made no issue.
    assert_eq!(report_with_key(&server, "new", &a_report(2)).await["is_new"], true);
    server.sql_becomes("SELECT sum(count) FROM issues", "4").await;
}

#[tokio::test]
async fn an_event_that_came_as_a_record_is_a_duplicate_as_a_report_whatever_it_says() {
    let server = Server::start().await;
    let record = json!({"name": "rtc_backend", "level": 50, "time": "2026-11-20T10:30:00Z", "msg": "m", "event_id": "e1",
        "err": {"type": "ValueError", "msg": "x", "file_path": "apps/users/views.py", "line_number": 1, "stack": ""}});
    answer(server.post(EVENTS).body(record.to_string()).send().await.unwrap(), StatusCode::OK).await;
    let mut report = a_report(1);
    let by_header = report_with_key(&server, "e1", &report).await;
    report["event_id"] = json!("e1");
    assert_eq!(server.report(&report).await, by_header);
    report["error"]["message"] = json!("in other words");
    assert_eq!(server.report(&report).await, by_header);
    server.report(&a_report(2)).await;
    server.sql_becomes("SELECT count() FROM issues", "2").await;
    assert_eq!(server.sql("SELECT sum(count) FROM issues").await, "2");
}
