//! Each event counts once, whatever becomes of its insert, and however old it is.

use crate::faulty_front::{FAULTS, FaultyFront};
use crate::harness::{DEADLINE, POLL, Server, ServerOptions, answer, now_ms};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Instant;

/// How old the events of a batch are, in days, and how many of them are kept under a retention of two days.
const AGES: [(&str, &[i64], u64); 4] = [
    ("fresh", &[0, 0, 0], 3),
    ("past their retention", &[9, 9, 9], 0),
    ("some past their retention", &[1, 1, 9], 2),
    ("long past it", &[300, 301, 302], 0),
];

async fn behind_a_faulty_front() -> (Server, FaultyFront, Server) {
    let elsewhere = Server::start().await;
    let (front, url) = FaultyFront::start(&elsewhere.clickhouse_for_writers()).await;
    // What the shared ClickHouse of a remote run holds is the other server's database; this one has its own.
    let options = ServerOptions::new().env("LOG_CENTER_CLICKHOUSE_URL", url).env("LOG_CENTER_RETENTION", "2");
    (elsewhere, front, options.start().await)
}

fn record(days_ago: i64, number: usize) -> Value {
    let time_ms = now_ms() - days_ago * 86_400_000;
    json!({
        "v": 1, "name": "shop", "level": 50, "time": time_ms, "msg": "failed", "extra": format!("number={number}"),
        "err": {"type": "E", "msg": "m", "file_path": "a.rs", "line_number": 1}
    })
}

async fn send(server: &Server, records: &[Value]) {
    let lines: Vec<_> = records.iter().map(Value::to_string).collect();
    let response = server.post("/api/v1/events").body(lines.join("\n")).send().await.unwrap();
    assert_eq!(answer(response, StatusCode::OK).await["accepted"], records.len());
}

async fn empties(server: &Server, what: &str) {
    let started = Instant::now();
    loop {
        let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
        if metrics.lines().any(|line| line == "log_center_spool_events 0") {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "{what}: the spool does not empty\n{}", server.log());
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn an_event_counts_once_whatever_becomes_of_its_insert() {
    let (_elsewhere, front, server) = behind_a_faulty_front().await;
    let (mut sent, mut kept) = (0, 0);
    for (age, days, kept_of_them) in AGES {
        for fault in FAULTS {
            let what = format!("{fault:?}, {age}");
            // Twice: the retry meets the same.
            front.plan([fault, fault]);
            let records: Vec<_> = days.iter().map(|days| record(*days, sent)).collect();
            send(&server, &records).await;
            empties(&server, &what).await;
            front.forget();
            sent += records.len();
            kept += kept_of_them;
            let issues = server.sql("SELECT sum(count) FROM issue_store").await;
            assert_eq!(issues, sent.to_string(), "{what}: occurrences\n{}", server.log());
        }
    }
    assert_eq!(front.left(), 0);
    server
        .sql_becomes("SELECT count() FROM events WHERE toDate(time) + 2 > today()", &kept.to_string())
        .await;
}

#[tokio::test]
async fn events_past_their_retention_do_not_hold_up_the_writer_when_it_is_killed() {
    let options = ServerOptions::new().env("LOG_CENTER_RETENTION", "400, shop=2");
    let mut server = options.start().await;
    let mut sent = 0;
    for _ in 0..4 {
        for _ in 0..5 {
            let records: Vec<_> = (0..40).map(|number| record(9, sent + number)).collect();
            send(&server, &records).await;
            sent += records.len();
        }
        server = server.kill_and_restart().await;
        empties(&server, "past their retention").await;
        assert_eq!(server.sql("SELECT sum(count) FROM issue_store").await, sent.to_string());
    }
}
