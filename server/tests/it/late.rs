//! Events of many days long ago: they hold up nobody, and each of them counts once.

use crate::faulty_front::FaultyFront;
use crate::harness::{
    DEADLINE, POLL, Server, ServerOptions, a_report, answer, now_ms, shared_clickhouse, signal,
};
use reqwest::StatusCode;
use serde_json::json;
use std::time::Instant;

/// Days of a batch that is late, and records of each day.
const DAYS: i64 = 16;
const RECORDS_A_DAY: i64 = 20;

/// More inserts than anybody who is fresh has to wait for: those of one slice, and his own.
const INSERTS_AT_MOST: usize = 6;

/// Records of many days, the oldest 20 days ago. One of each day is an error, each of which has its own place.
fn late(batch: i64) -> String {
    let record = |number: i64| {
        let day = number % DAYS;
        let mut record = json!({
            "v": 1, "name": "shop", "hostname": "h", "pid": 1, "level": 30, "msg": "late",
            "time": now_ms() - (5 + day) * 86_400_000, "extra": format!("number={batch}-{number}"),
        });
        if number < DAYS {
            record["level"] = json!(50);
            record["err"] = json!({"type": "E", "msg": "m", "file_path": "late.rs", "line_number": 1 + day});
        }
        record.to_string()
    };
    (0..DAYS * RECORDS_A_DAY).map(record).collect::<Vec<_>>().join("\n")
}

async fn send(server: &Server, body: String) {
    let records = body.lines().count();
    let response = server.post("/api/v1/events").body(body).send().await.unwrap();
    assert_eq!(answer(response, StatusCode::OK).await["accepted"], records);
}

/// A figure of `/metrics`, or the sum of those with this name.
fn figure(metrics: &str, name: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
}

/// How many events wait, after a look at whether the figures add up.
async fn waiting(server: &Server) -> u64 {
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    let of = |name| figure(&metrics, name);
    let came = of("log_center_accepted_total") + of("log_center_resumed_total");
    let waiting = of("log_center_spool_events");
    assert_eq!(came, of("log_center_stored_total") + waiting, "{metrics}");
    waiting
}

async fn empties(server: &Server) {
    let (mut left, mut since) = (u64::MAX, Instant::now());
    while left > 0 {
        let now = waiting(server).await;
        if now < left {
            (left, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < DEADLINE, "the spool does not empty\n{}", server.log());
        tokio::time::sleep(POLL).await;
    }
}

async fn behind_a_front() -> (Server, FaultyFront, Server) {
    let elsewhere = Server::start().await;
    let (front, url) = FaultyFront::start(&elsewhere.clickhouse_for_writers()).await;
    let server = ServerOptions::new().env("LOG_CENTER_CLICKHOUSE_URL", url).start().await;
    (elsewhere, front, server)
}

#[tokio::test]
async fn what_is_fresh_does_not_wait_for_many_days_of_what_is_late() {
    let (_elsewhere, front, server) = behind_a_front().await;
    front.hold();
    send(&server, late(0)).await;
    let report = server.report(&a_report(7)).await;
    let issue = format!("/api/v1/issues/{}", report["id"]);
    // Behind these not one insert is done, so whoever has to wait for all days is not seen.
    front.let_through(INSERTS_AT_MOST);
    server.sql_becomes("SELECT count() FROM events WHERE project = 'rtc_backend'", "1").await;
    let done = INSERTS_AT_MOST as u64;
    let left = waiting(&server).await;
    assert!(left >= (DAYS as u64 - done) * RECORDS_A_DAY as u64, "{left} wait");
    assert_eq!(server.json("/health").await["spool"]["waiting_events"], left);
    // Nor does whoever asks for its issue wait, or a change of its state.
    assert_eq!(server.json(&issue).await["count"], 1);
    front.let_through(INSERTS_AT_MOST);
    let change = server.client.patch(format!("{}{issue}", server.api)).json(&json!({"status": "VERIFYING"}));
    assert!(change.send().await.unwrap().status().is_success());
    server.sql_becomes("SELECT count() FROM issue_changes", "1").await;
    assert!(waiting(&server).await > 0);
    front.open();
    empties(&server).await;
    let all = DAYS * RECORDS_A_DAY;
    assert_eq!(server.sql("SELECT count() FROM events WHERE msg = 'late'").await, all.to_string());
    // What is late comes into as many parts as it has days.
    let inserts = "SELECT uniqExact(batch) FROM event_store WHERE msg = 'late'";
    assert_eq!(server.sql(inserts).await, DAYS.to_string());
}

/// Everything that came, counted in every way.
async fn counts(server: &Server, batches: i64, reports: i64) {
    let late = batches * DAYS * RECORDS_A_DAY;
    let expected: [(&str, i64); 5] = [
        ("SELECT count() FROM event_store", late + reports),
        ("SELECT uniqExact(extra) FROM event_store WHERE msg = 'late'", late),
        ("SELECT sum(count) FROM issue_store", batches * DAYS + reports),
        ("SELECT sum(count) FROM issue_hour_store", batches * DAYS + reports),
        ("SELECT sum(count) FROM event_count_store", late + reports),
    ];
    for (statement, expected) in expected {
        assert_eq!(server.sql(statement).await, expected.to_string(), "{statement}\n{}", server.log());
    }
}

#[tokio::test]
async fn a_kill_between_two_slices_loses_and_doubles_nothing() {
    let (_elsewhere, front, mut server) = behind_a_front().await;
    let (mut batches, mut reports) = (0, 0);
    // Within the first slice, behind it, and with what is fresh behind that.
    for inserts in [1, 4, 6] {
        front.hold();
        send(&server, late(batches)).await;
        server.report(&a_report(7)).await;
        (batches, reports) = (batches + 1, reports + 1);
        let stored = "SELECT uniqExact(batch) FROM event_store";
        let before: usize = server.sql(stored).await.parse().unwrap();
        front.let_through(inserts);
        server.sql_becomes(stored, &(before + inserts).to_string()).await;
        server.report(&a_report(7)).await;
        reports += 1;
        let options = server.kill();
        front.open();
        server = options.start().await;
        assert_eq!(server.json("/health").await["spool"]["status"], "ok", "{}", server.log());
        empties(&server).await;
        counts(&server, batches, reports).await;
    }
}

#[tokio::test]
async fn an_engine_that_is_killed_between_two_slices_gets_each_of_them_once() {
    if shared_clickhouse().is_some() {
        return;
    }
    let mut server = Server::start().await;
    for batch in 0..3 {
        let days = "SELECT uniqExact(toDate(time), batch) FROM event_store WHERE msg = 'late'";
        let before: i64 = server.sql(days).await.parse().unwrap();
        send(&server, late(batch)).await;
        server.report(&a_report(7)).await;
        // Some are there, and some are not or were faster than this look: both must hold.
        let some = format!(
            "SELECT uniqExact(toDate(time), batch) >= {} FROM event_store WHERE msg = 'late'",
            before + 5
        );
        server.sql_becomes(&some, "1").await;
        signal(server.engine_pid.unwrap(), "KILL");
        server = server.kill_and_restart().await;
        empties(&server).await;
        counts(&server, batch + 1, batch + 1).await;
    }
}
