//! Two servers that write to one ClickHouse: whatever comes by either is there once, and an issue is one issue to both.

use crate::faulty_front::{FAULTS, Fault, FaultyFront};
use crate::harness::{DEADLINE, POLL, Server, ServerOptions, a_report, answer, now_ms};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Every table that is added up, each with what it says of all that arrived: events, or errors.
const SUMS: [(&str, &str); 7] = [
    ("SELECT count() FROM event_store", "events"),
    ("SELECT sum(count) FROM event_count_store", "events"),
    ("SELECT sum(count) FROM request_minute_store", "answered"),
    ("SELECT sum(count) FROM issue_store", "errors"),
    ("SELECT sum(count) FROM issue_hour_store", "errors"),
    ("SELECT sum(count) FROM issues", "errors"),
    ("SELECT uniqExact(req_id) FROM request_time_store", "requests"),
];

/// What was accepted.
#[derive(Default, Clone, Copy)]
struct Sent {
    events: u64,
    errors: u64,
    answered: u64,
}

/// A ClickHouse of its own, and what it takes to start a server before it.
async fn elsewhere() -> (Server, String) {
    let engine = Server::start().await;
    let url = engine.clickhouse_for_writers();
    (engine, url)
}

fn server(id: u16, url: &str) -> ServerOptions {
    ServerOptions::new().env("LOG_CENTER_SERVER_ID", id).env("LOG_CENTER_CLICKHOUSE_URL", url)
}

/// Two servers on one database.
async fn pair(url: &str) -> [Server; 2] {
    let one = server(0, url).start().await;
    let other = server(1, url).database_of(&one).start().await;
    [one, other]
}

/// A batch of records, one in ten an error and one in ten the end of a request, each with a request of its own.
async fn send(server: &Server, sent: &mut Sent, records: u64) {
    let record = |number: u64| {
        let mut record = json!({
            "v": 1, "name": "shop", "level": 30, "time": now_ms(), "msg": "m", "req_id": format!("r{number}"),
        });
        match number % 10 {
            0 => {
                record["level"] = json!(50);
                record["err"] =
                    json!({"type": "E", "msg": "m", "file_path": "a.rs", "line_number": number % 7});
            }
            1 => {
                record["event"] = json!("client-res");
                record["status"] = json!(200);
                record["tm"] = json!(5);
            }
            _ => {}
        }
        record
    };
    let first = sent.events.next_multiple_of(10);
    let lines: Vec<_> = (first..first + records).map(|number| record(number).to_string()).collect();
    let of = |rest: u64| (first..first + records).filter(|number| number % 10 == rest).count() as u64;
    let response = server.post("/api/v1/events").body(lines.join("\n")).send().await.unwrap();
    assert_eq!(answer(response, StatusCode::OK).await["accepted"], records);
    sent.events += records;
    sent.errors += of(0);
    sent.answered += of(1);
}

/// Waits until all tables say what was sent to all servers.
async fn adds_up(server: &Server, sent: &[Sent]) {
    let total = |of: fn(&Sent) -> u64| sent.iter().map(of).sum::<u64>();
    for (statement, what) in SUMS {
        let expected = match what {
            "events" => total(|sent| sent.events),
            "errors" => total(|sent| sent.errors),
            "answered" => total(|sent| sent.answered),
            // Both servers number their requests from 0.
            _ => sent.iter().map(|sent| sent.events).max().unwrap_or(0),
        };
        server.sql_becomes(statement, &expected.to_string()).await;
    }
}

async fn empties(server: &Server) {
    let started = Instant::now();
    loop {
        let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
        if metrics.lines().any(|line| line == "log_center_spool_events 0") {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "the spool does not empty\n{}", server.log());
        tokio::time::sleep(POLL).await;
    }
}

async fn patch(server: &Server, id: &Value, status: &str) -> Value {
    let url = format!("{}/api/v1/issues/{id}", server.api);
    let response =
        server.client.patch(url).json(&json!({"status": status, "actor": "ann"})).send().await.unwrap();
    answer(response, StatusCode::OK).await
}

#[tokio::test]
async fn what_comes_by_either_server_is_added_up_once() {
    let (_engine, url) = elsewhere().await;
    let [one, other] = pair(&url).await;
    let mut sent = [Sent::default(); 2];
    // Both at the same moments, so that many of their batches are made in the same millisecond.
    for round in 0..30 {
        let [by_one, by_other] = &mut sent;
        tokio::join!(send(&one, by_one, 10 * (1 + round % 13)), send(&other, by_other, 10 * (1 + round % 7)));
    }
    empties(&one).await;
    empties(&other).await;
    adds_up(&one, &sent).await;
    // Every derived table has the mark of each.
    let last = one.sql("SELECT maxIf(batch, bitAnd(batch, 2047) = 0), maxIf(batch, bitAnd(batch, 2047) = 1) FROM event_store").await;
    assert!(!last.split('\t').any(|batch| batch == "0"), "{last}");
    for table in
        ["issue_store", "issue_hour_store", "event_count_store", "request_minute_store", "request_time_store"]
    {
        let marks = format!("SELECT max(t.batches[0]), max(t.batches[1]) FROM {table} AS t");
        assert_eq!(one.sql(&marks).await, last, "{table}");
    }
}

/// The rows of a batch are asked for after an unclear insert. What the other server has sent since must not count as this one's.
#[tokio::test]
async fn an_insert_with_an_unclear_end_is_not_taken_for_that_of_another_server() {
    let (_engine, url) = elsewhere().await;
    let (front, faulty) = FaultyFront::start(&url).await;
    let one = server(0, &faulty).start().await;
    let other = server(1, &url).database_of(&one).start().await;
    let mut sent = [Sent::default(); 2];
    for fault in FAULTS {
        front.plan([fault, fault]);
        let [by_one, by_other] = &mut sent;
        for _ in 0..3 {
            send(&one, by_one, 20).await;
            send(&other, by_other, 20).await;
        }
        empties(&other).await;
        empties(&one).await;
        front.forget();
        adds_up(&one, &sent).await;
    }
}

#[tokio::test]
async fn an_issue_of_the_other_server_is_found_changed_and_reopened() {
    let (_engine, url) = elsewhere().await;
    let [one, other] = pair(&url).await;
    let reported = one.report(&a_report(7)).await;
    let id = &reported["id"];
    one.sql_becomes("SELECT count() FROM issues", "1").await;
    // By turns, each time the one that did not make the change before.
    let states = ["VERIFYING", "PENDING_FIX", "FIXING", "FIXED", "VERIFIED", "DEPLOYED"];
    for (server, status) in [&other, &one].into_iter().cycle().zip(states) {
        assert_eq!(patch(server, id, status).await["status"], status);
    }
    // The last change was made by this one, so an occurrence that comes to the other one has to reopen it.
    let started = Instant::now();
    while one.json(&format!("/api/v1/issues/{id}")).await["status"] != "NEW" {
        let again = other.report(&a_report(7)).await;
        assert_eq!((&again["id"], &again["is_new"]), (id, &json!(false)));
        assert!(started.elapsed() < DEADLINE, "the issue is not reopened");
        tokio::time::sleep(POLL).await;
    }
    for server in [&one, &other] {
        let history = server.json(&format!("/api/v1/issues/{id}/history")).await;
        let to: Vec<_> =
            history["items"].as_array().unwrap().iter().map(|change| change["to"].clone()).collect();
        assert_eq!(to, [&states[..], &["NEW"]].concat());
        assert_eq!(history["items"][6]["actor"], "regression");
        assert_eq!(history["items"][6]["from"], "DEPLOYED");
    }
    assert_eq!(one.sql("SELECT count() FROM issues").await, "1");
}

/// The one that is new to the database, and the one that was there before, learn of each other's issues alike.
#[tokio::test]
async fn a_server_knows_the_issues_of_another_that_came_before_it_and_while_it_was_away() {
    let (_engine, url) = elsewhere().await;
    let one = server(0, &url).start().await;
    let before = one.report(&a_report(1)).await;
    assert_eq!(before["is_new"], true);
    one.sql_becomes("SELECT count() FROM issues", "1").await;
    let other = server(2047, &url).database_of(&one).start().await;
    let known = other.report(&a_report(1)).await;
    assert_eq!((&known["id"], &known["is_new"]), (&before["id"], &json!(false)));
    let (_, other) = other.stop().await;
    let away = one.report(&a_report(2)).await;
    one.sql_becomes("SELECT count() FROM issues", "2").await;
    let other = other.start().await;
    assert_eq!(patch(&other, &away["id"], "VERIFYING").await["status"], "VERIFYING");
    assert_eq!(other.report(&a_report(2)).await["is_new"], false);
}

#[tokio::test]
async fn one_that_was_stopped_with_a_full_spool_goes_on_elsewhere_with_its_directory() {
    let (_engine, url) = elsewhere().await;
    let (front, faulty) = FaultyFront::start(&url).await;
    let one = server(3, &faulty).env("LOG_CENTER_SPOOL_MAX_BYTES", 128 << 10).start().await;
    let other = server(4, &url).database_of(&one).start().await;
    let mut sent = [Sent::default(); 2];
    // The first insert is done, and nobody is told so; the next ones do not come through.
    front.plan([Fault::CutAfter]);
    front.hold();
    front.let_through(1);
    let started = Instant::now();
    loop {
        let full = one.post("/api/v1/logs/report").json(&a_report(9)).send().await.unwrap();
        match full.status() {
            StatusCode::OK => {
                sent[0].events += 1;
                sent[0].errors += 1;
            }
            status => {
                let refused = full.json::<Value>().await.unwrap();
                assert_eq!(
                    (status, &refused["error"]["code"]),
                    (StatusCode::SERVICE_UNAVAILABLE, &json!("spool_full"))
                );
                break;
            }
        }
        assert!(started.elapsed() < DEADLINE, "the spool does not become full");
    }
    send(&other, &mut sent[1], 50).await;
    empties(&other).await;
    let options = one.kill();
    front.open();
    let moved = tempfile::TempDir::new().unwrap();
    let data: PathBuf = moved.path().join("elsewhere");
    assert!(Command::new("mv").arg(options.data_dir().join("data")).arg(&data).status().unwrap().success());
    send(&other, &mut sent[1], 50).await;
    let again = server(3, &url).env("LOG_CENTER_DATA_DIR", data.display()).database_of(&other).start().await;
    empties(&again).await;
    let events: u64 = sent.iter().map(|sent| sent.events).sum();
    let errors: u64 = sent.iter().map(|sent| sent.errors).sum();
    for (table, expected) in [
        ("event_count_store", events),
        ("issue_store", errors),
        ("issue_hour_store", errors),
        ("issues", errors),
    ] {
        again.sql_becomes(&format!("SELECT sum(count) FROM {table}"), &expected.to_string()).await;
    }
    assert_eq!(again.sql("SELECT count() FROM event_store").await, events.to_string());
}

#[tokio::test]
async fn two_servers_that_start_at_once_make_one_schema() {
    let (_engine, url) = elsewhere().await;
    for _ in 0..3 {
        let one = server(0, &url);
        let other = server(1, &url).sharing(&one);
        let (one, other) = tokio::join!(one.start(), other.start());
        one.report(&a_report(1)).await;
        other.report(&a_report(2)).await;
        one.sql_becomes("SELECT sum(count) FROM issues", "2").await;
        let doubled = "SELECT uniqExact(name, checksum) - uniqExact(name) FROM schema_migrations";
        assert_eq!(one.sql(doubled).await, "0");
    }
}

#[tokio::test]
async fn a_second_server_with_the_same_id_is_refused_while_the_first_runs() {
    let (_engine, url) = elsewhere().await;
    let one = server(9, &url).start().await;
    let Err((other, log)) = server(9, &url).database_of(&one).try_start().await else {
        panic!("two servers have one id");
    };
    assert!(log.contains("another server with the id 9") && log.contains("LOG_CENTER_SERVER_ID"), "{log}");
    assert_eq!(one.report(&a_report(1)).await["is_new"], true);
    one.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    // Whose directory is gone for good gives its id to another one.
    let _gone = one.kill();
    let other = other.start().await;
    assert_eq!(other.report(&a_report(1)).await["is_new"], false);
    other.sql_becomes("SELECT sum(count) FROM issues", "2").await;
}

#[tokio::test]
async fn the_id_of_a_server_is_checked_and_kept_in_its_directory() {
    for id in ["2048", "-1", "one"] {
        let Err((_, log)) = ServerOptions::new().env("LOG_CENTER_SERVER_ID", id).try_start().await else {
            panic!("{id} is taken");
        };
        assert!(log.contains("--server-id") && log.contains("from 0 to 2047"), "{id}: {log}");
    }
    let (_, options) = ServerOptions::new().env("LOG_CENTER_SERVER_ID", 5).start().await.stop().await;
    let Err((options, log)) = options.env("LOG_CENTER_SERVER_ID", 6).try_start().await else {
        panic!("the directory of another server is taken");
    };
    assert!(log.contains("that of server 5") && log.contains("--take-over"), "{log}");
    let server = options.env("LOG_CENTER_TAKE_OVER", true).start().await;
    assert_eq!(server.report(&a_report(1)).await["is_new"], true);
}
