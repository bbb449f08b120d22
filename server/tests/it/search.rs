//! Searching events: the language, pages, facets, the histogram.

use crate::harness::{Server, answer, now_ms};
use log_center_server::search::{Condition, Expression, QUERY_DEPTH, QUERY_TERMS};
use log_center_wire::UnixMillis;
use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A record so many milliseconds ago.
fn record(ago_ms: i64, msg: &str, more: Value) -> Value {
    let mut record = json!({"name": "shop", "hostname": "h1", "pid": 7, "level": 30,
        "time": UnixMillis(now_ms() - ago_ms).to_string(), "msg": msg});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    // What is counted of them comes a moment after the events.
    for counted in ["SELECT count() FROM events", "SELECT sum(count) FROM event_counts"] {
        server.sql_becomes(counted, &records.len().to_string()).await;
    }
}

async fn found(server: &Server, q: &str) -> Vec<String> {
    let response = server.get("/api/v1/events").query(&[("q", q)]).send().await.unwrap();
    let page = answer(response, StatusCode::OK).await;
    page["items"].as_array().unwrap().iter().map(|item| item["msg"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_language_finds_what_it_says() {
    let server = Server::start().await;
    let err = json!({"type": "Declined", "msg": "Card DECLINED by bank_1", "stack": "at pay", "file_path": "src/pay.rs", "line_number": 7});
    send(&server, &[
        record(9000, "a", json!({"level": 50, "err": err, "uid": "u1", "environment": "production"})),
        record(8000, "b", json!({"name": "pay", "level": 40, "extra": "code=5 note=\"50% off\"", "tm": 700.5})),
        record(7000, "c", json!({"name": "pay-eu", "level": 20, "d": {"url": "/health/live", "ip": "::1", "ua": "curl"}})),
        record(6000, "d", json!({"tm": 0.5, "req_id": "r1", "scope": "visit", "event": "client-res"})),
        record(5000, "e", json!({"shelf": {"row": "östlich"}})),
    ])
    .await;
    for (q, expected) in [
        ("", "edcba"),
        ("level:error", "a"),
        ("level:>=warn", "ba"),
        ("level:>=40 -level:error", "b"),
        ("service:pay", "b"),
        ("SERVICE:pay*", "cb"),
        ("project:*-eu", "c"),
        ("service:shop tm:*", "d"),
        ("tm:>500", "b"),
        ("tm:<=700.5", "db"),
        // What has no tm is not above 500, so it is found by the denial.
        ("-tm:>500", "edca"),
        ("\"card declined\"", "a"),
        ("declined OR health", "ca"),
        ("(declined OR health) -service:shop", "c"),
        ("NOT (declined OR health)", "edb"),
        ("err.type:Declined err.line_number:7", "a"),
        ("file:src/*.rs", "a"),
        // Wildcards of SQL mean themselves.
        ("err.msg:*bank_1", "a"),
        ("err.msg:*bank%1", ""),
        ("extra:50%", "b"),
        ("50%", "b"),
        ("-url:/health* level:debug", ""),
        ("url:/health*", "c"),
        ("env:PRODUCTION", "a"),
        ("issue:*", "a"),
        ("req_id:r1 AND event:client-res", "d"),
        ("ÖSTLICH", "e"),
        ("attributes:shelf", "e"),
        ("\"no such'; DROP TABLE event_store --\"", ""),
        ("{condition}", ""),
        ("uid:?", ""),
    ] {
        assert_eq!(found(&server, q).await.concat(), expected, "{q}");
    }
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let server = Server::start().await;
    // Groups of equal times and of equal records.
    let records: Vec<Value> = (0..120)
        .map(|number| {
            record(
                1000,
                &format!("m{}", number / 3),
                json!({"time": UnixMillis(now_ms() / 60_000 * 60_000 - number / 10).to_string()}),
            )
        })
        .collect();
    send(&server, &records).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let response = server
            .get("/api/v1/events")
            .query(&[("limit", "7"), ("q", "service:shop"), ("cursor", &cursor)])
            .send()
            .await
            .unwrap();
        let page = answer(response, StatusCode::OK).await;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| {
            (item["time"].as_str().unwrap().to_owned(), item["msg"].as_str().unwrap().to_owned())
        }));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert!(seen.is_sorted_by(|a, b| a.0 >= b.0));
    let mut expected: Vec<(String, String)> = records
        .iter()
        .map(|record| {
            (record["time"].as_str().unwrap().to_owned(), record["msg"].as_str().unwrap().to_owned())
        })
        .collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn times_bound_the_search() {
    let server = Server::start().await;
    let hour = 60 * 60 * 1000;
    send(
        &server,
        &[
            record(30 * hour, "old", json!({})),
            record(2 * hour, "recent", json!({})),
            record(0, "new", json!({})),
        ],
    )
    .await;
    for (parameters, expected) in [
        ("", vec!["new", "recent"]),
        ("?since=7d", vec!["new", "recent", "old"]),
        ("?until=1h", vec!["recent"]),
        ("?until=1h&since=31h", vec!["recent", "old"]),
        ("?since=1h&until=2h", vec![]),
    ] {
        let page = server.json(&format!("/api/v1/events{parameters}")).await;
        let found: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| item["msg"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{parameters}");
    }
}

#[tokio::test]
async fn values_and_times_are_counted() {
    let server = Server::start().await;
    let at = now_ms() / 3_600_000 * 3_600_000 - 2 * 3_600_000;
    let of = |ms: i64, name: &str, level: u8| {
        record(0, "m", json!({"name": name, "level": level, "time": UnixMillis(at + ms).to_string()}))
    };
    send(
        &server,
        &[
            of(0, "pay", 30),
            of(1, "pay", 50),
            of(2, "shop", 30),
            of(60_000, "pay", 30),
            of(60_001, "mail", 20),
        ],
    )
    .await;
    let facets = server.json("/api/v1/events/facets?q=level:>20&fields=service,level&limit=2").await;
    assert_eq!(
        facets,
        json!({
            "service": [{"value": "pay", "count": 3}, {"value": "shop", "count": 1}],
            "level": [{"value": "30", "count": 3}, {"value": "50", "count": 1}],
        })
    );
    let histogram = server.json("/api/v1/events/histogram?step_seconds=60&q=-service:mail").await;
    let step = |ms: i64, level: u8, count: u64| json!({"start": UnixMillis(at + ms).to_string(), "level": level, "count": count});
    assert_eq!(
        histogram,
        json!({"step_ms": 60_000, "items": [step(0, 30, 2), step(0, 50, 1), step(60_000, 30, 1)]})
    );
    assert_eq!(server.json("/api/v1/events/histogram?since=1h&until=0s").await["step_ms"], 60_000);
}

#[tokio::test]
async fn bad_searches_are_named() {
    let server = Server::start().await;
    let deep = "(".repeat(QUERY_DEPTH + 2);
    let many = "x ".repeat(QUERY_TERMS + 1);
    let long = "x".repeat(5000);
    for (path, parameter, value, words) in [
        ("", "q", "color:red", "at character 1: there is no field color"),
        ("", "q", "a color:red", "at character 3:"),
        ("", "q", "tm:fast", "at character 4: tm is a number"),
        ("", "q", "tm:>inf", "is a number"),
        ("", "q", "level:loud", "is a level"),
        ("", "q", "service:>5", "is no number"),
        ("", "q", "service:", "a value must follow service:"),
        ("", "q", "\"open", "at character 1: there is no closing quote"),
        ("", "q", "(a", "there is no ) for this ("),
        ("", "q", "a)", "at character 2: there is no ( for this )"),
        ("", "q", "a OR", "something must follow OR"),
        ("", "q", "OR a", "something must stand before OR"),
        ("", "q", ":x", "a field's name must stand before the colon"),
        ("", "q", "ä ö color:x", "at character 5:"),
        ("", "q", &deep, "nested more than"),
        ("", "q", &many, "more than 64 terms"),
        ("", "q", &long, "at most 4096 bytes"),
        ("", "since", "yesterday", "ISO 8601"),
        ("", "limit", "501", "from 1 to 500"),
        ("", "cursor", "x", "next_cursor"),
        ("/facets", "fields", "msg", "must be some of source, service"),
        ("/facets", "fields", "level,level,level,level,level,level,level,level,level", "at most 8"),
        ("/facets", "limit", "0", "from 1 to 500"),
        ("/histogram", "step_seconds", "1", "must be at least"),
        ("/histogram", "step_seconds", "x", "from 1 to 86400"),
        ("/histogram", "cursor", "x", "no parameter"),
    ] {
        let request = server.get(&format!("/api/v1/events{path}")).query(&[(parameter, value)]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{value}");
        let refused: Value = response.json().await.unwrap();
        assert_eq!(refused["error"]["field"], parameter, "{value}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{value}: {message}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "([a-z:\"()*<>= -]|OR|AND|NOT|level:|tm:|ö|\\\\|\\{|\\}|\\?){0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let condition = Condition::from(&expression);
            // Each value has its placeholder, and nothing of the text is in the statement.
            prop_assert_eq!(condition.sql.matches("{q").count() >= condition.values.len(), true);
            prop_assert!(!condition.sql.contains(['?', '"', 'ö', '\\']));
        }
    }
}
