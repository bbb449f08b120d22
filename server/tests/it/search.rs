//! Searching events: the language, pages, facets, the histogram.

mod documentation;
mod indexes;
mod memory;
mod model;
mod values;

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
        ("attributes:shelf", ""),
        ("attributes.shelf:*", "e"),
        ("attributes.shelf.row:östlich", "e"),
        ("\"no such'; DROP TABLE event_store --\"", ""),
        ("{condition}", ""),
        ("uid:?", ""),
        ("level!=error", "edcb"),
        ("-level!=error", "a"),
        ("service:(pay OR shop) tm:*", "db"),
        ("service:(pay* -pay-eu)", "b"),
        ("service:(pay OR (shop NOT pay)) level:>info", "ba"),
        ("service!=(pay OR shop)", "c"),
        ("msg:(a OR b OR \"c\")", "cba"),
        ("uid:(u1)", "a"),
        ("tm:(>1 <1000)", "b"),
        ("tm:(0.5 OR [700 TO 701])", "db"),
        ("tm:!=0.5", "ecba"),
        ("tm:=0.5", "d"),
        ("tm:[0.5 TO 700.5]", "db"),
        ("tm:{0.5 TO 700.5]", "b"),
        ("tm:[0.5 TO 700.5}", "d"),
        ("tm:{0.5 TO 700.5}", ""),
        ("tm:[* TO 1]", "d"),
        ("tm:[1 TO *]", "b"),
        ("tm:[ 1 TO 1000 ]", "b"),
        ("level:[warn TO *]", "ba"),
        ("status:[500 TO 599]", ""),
        // These words are text where they cannot be meant to join or deny.
        ("or", ""),
        ("and", ""),
        ("not found", ""),
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
        ("?since=90m&until=1h", vec![]),
        ("?since=3h&until=3h", vec![]),
    ] {
        let page = server.json(&format!("/api/v1/events{parameters}")).await;
        let found: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| item["msg"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{parameters}");
    }
}

/// Terms of `time` say which time is read, as far as `since` and `until` do not.
#[tokio::test]
async fn terms_of_time_bound_the_search() {
    let server = Server::start().await;
    let hour = 60 * 60 * 1000;
    let at = now_ms() / (24 * hour) * (24 * hour) - 10 * 24 * hour + 5 * hour;
    let of = |time: i64, msg: &str| record(0, msg, json!({"time": UnixMillis(time).to_string()}));
    send(&server, &[of(at, "a"), of(at + 1, "b"), of(at + 24 * hour, "c"), of(now_ms() - 2 * hour, "d")])
        .await;
    let (first, day) = (UnixMillis(at).to_string(), UnixMillis(at).to_string()[..10].to_owned());
    for (q, parameters, expected) in [
        (String::new(), "", "d"),
        (format!("time:{first}"), "", "a"),
        (format!("time:>{first} time:<3h"), "", "cb"),
        (format!("time:>={first}"), "", "dcba"),
        (format!("time:[{first} TO \"{first}\"]"), "", "a"),
        (format!("time:{day}"), "", "ba"),
        (format!("time:>{day}"), "", "dc"),
        (format!("time:<={day}"), "", "ba"),
        (format!("time:[{day} TO {day}]"), "", "ba"),
        (format!("time:{{{day} TO *]"), "", "dc"),
        (format!("time:({day} OR >3h)"), "", "dba"),
        (format!("(time:{day} OR time:>3h) -msg:a"), "", "db"),
        (format!("time!={day}"), "&since=30d", "dc"),
        (format!("time:{day}"), "&since=7d", ""),
        (format!("time:>={day}"), "&until=5d", "cba"),
        ("time:<3h".to_owned(), "&since=30d", "cba"),
        ("time:*".to_owned(), "", "d"),
        ("received_at:>1h time:>30d".to_owned(), "", "dcba"),
    ] {
        let response = server.get(&format!("/api/v1/events?limit=9{parameters}")).query(&[("q", &q)]).send();
        let page = answer(response.await.unwrap(), StatusCode::OK).await;
        let items = page["items"].as_array().unwrap().iter();
        assert_eq!(
            items.map(|item| item["msg"].as_str().unwrap()).collect::<String>(),
            expected,
            "{q} {parameters}"
        );
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
        ("", "q", ":x", "a field's name is expected before"),
        ("", "q", "ä ö color:x", "at character 5:"),
        ("", "q", "color!=x", "at character 1: there is no field color"),
        ("", "q", "!=x", "a field's name is expected before"),
        ("", "q", "a or b", "at character 3: write OR, in capitals"),
        ("", "q", "level:error or level:warn", "at character 13: write OR, in capitals"),
        ("", "q", "uid:(a or b)", "at character 8: write OR, in capitals"),
        ("", "q", "a || b", "write OR"),
        ("", "q", "a and b", "write AND"),
        ("", "q", "not level:error", "at character 1: write NOT, in capitals"),
        ("", "q", "not (a b)", "write NOT"),
        ("", "q", "tm:[1 TO", "at character 9: a value or * is expected"),
        ("", "q", "tm:[1 TO 2", "at character 11: ] or } is expected"),
        ("", "q", "tm:[1 to 2]", "at character 7: TO, in capitals, is expected"),
        ("", "q", "tm:[1 2]", "TO, in capitals, is expected"),
        ("", "q", "tm:[x TO 2]", "at character 5: tm is a number"),
        ("", "q", "tm:[2 TO 1]", "at character 4: the smaller end is expected first"),
        ("", "q", "uid:[a TO b]", "at character 5: uid is no number"),
        ("", "q", "uid:()", "at character 5: values are expected in the parentheses"),
        ("", "q", "uid:(a OR", "something must follow OR"),
        ("", "q", "uid:(a", "at character 5: there is no ) for this ("),
        ("", "q", "state:broken", "at character 7: state is ok, error or unfinished"),
        ("", "q", "time:soon", "at character 6: time is a time"),
        ("", "q", "time:2026-11-27T08:00:00[Europe/Berlin]", "time is a time"),
        ("", "q", "attributes.:x", "a key is expected"),
        ("", "q", "attributes.a..b:x", "a key is expected"),
        ("", "q", "attributes.a.b.c.d.e.f.g:x", "at most 6 keys"),
        ("", "q", "attributes.\"a:x", "at character 12: there is no closing quote"),
        ("", "q", "extra.:x", "a key is expected"),
        ("", "q", "extra.code:>x", "at character 13: extra.code is a number"),
        ("", "q", "err.code:5", "attributes.err.code:"),
        ("", "q", &deep, "nested more than"),
        ("", "q", &many, "more than 64 terms"),
        ("", "q", &long, "at most 4096 bytes"),
        ("", "since", "yesterday", "ISO 8601"),
        ("", "limit", "501", "from 1 to 500"),
        ("", "cursor", "x", "next_cursor"),
        ("/facets", "fields", "url", "must be some of source, service"),
        ("/facets", "fields", "attributes.code", "must be some of source, service"),
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
    fn no_text_is_too_strange(text in "([a-z:\"()*<>=!.\\[\\] -]|OR|AND|NOT| TO |level:|tm:|time:|attributes\\.|extra\\.|5|ö|\\\\|\\{|\\}|\\?){0,60}") {
        match Expression::parse(&text, UnixMillis(0)) {
            Ok(expression) => {
                let condition = Condition::from(&expression);
                // Each value has its placeholder, and nothing of the text is in the statement.
                let placeholders = condition.sql.matches("{q").count();
                prop_assert!(placeholders >= condition.values.len());
                let is_own = !condition.sql.contains(['?', '"', 'ö', '\\']);
                prop_assert!(is_own, "{}", condition.sql);
            }
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.position), "{text:?} {error}");
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}
