//! Projects and figures over time.

use crate::harness::{Server, a_report, answer};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The start of an hour, two to three hours ago.
fn start() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    i64::try_from(now).unwrap() / HOUR_MS * HOUR_MS - 2 * HOUR_MS
}

fn at(ms: i64) -> String {
    UnixMillis(ms).to_string()
}

fn record(ms: i64, name: &str, more: Value) -> Value {
    let mut record = json!({"name": name, "hostname": format!("{name}-1"), "pid": 1, "level": 30, "time": at(ms),
        "msg": "m", "environment": "production", "scope": "visit"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn answered(ms: i64, name: &str, tm: f64, extra: &str) -> Value {
    record(ms, name, json!({"event": "client-res", "req_id": "r", "tm": tm, "extra": extra}))
}

fn called(ms: i64, event: &str, tm: f64, path: &str) -> Value {
    let done = json!({"event": event, "req_id": "r", "level": 30, "service_req": {"host": "pay:80", "path": path},
        "service_res": {"tm": tm}});
    record(ms, "shop", done)
}

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    server.sql_becomes("SELECT sum(count) FROM event_counts", &records.len().to_string()).await;
    let of_time = records.iter().filter(|record| record["event"] != "trace").count();
    let counted =
        "SELECT (SELECT sum(count) FROM requests_by_minute) + (SELECT sum(count) FROM calls_by_minute)
        + (SELECT sum(count) FROM performance_by_minute)";
    server.sql_becomes(counted, &of_time.to_string()).await;
}

/// A hundred requests of 1 to 100 ms in the first minute, some in the second hour, calls, samples.
fn a_day(start: i64) -> Vec<Value> {
    let mut records: Vec<Value> = (1..=100)
        .map(|ms| answered(start + ms, "shop", ms as f64, "status=200 route=/a method=GET"))
        .collect();
    records.extend((0..10).map(|number| {
        let status = if number < 4 { 503 } else { 200 };
        let extra = format!("status={status} route=/b method=POST");
        answered(start + HOUR_MS + number * MINUTE_MS, "shop", 1000.0, &extra)
    }));
    records.push(answered(start + HOUR_MS, "web", 5.0, "status=200 route=/a method=GET"));
    records.extend([
        called(start, "service-end", 8.0, "/charge/1"),
        called(start + 1, "service-end", 8.0, "/charge/2"),
        called(start + HOUR_MS, "service-err", 20.0, "/refund"),
    ]);
    records.push(record(start, "shop", json!({"event": "trace", "level": 50})));
    let sample = |ms: i64, host: &str, rss: u64, cpu: f64| {
        record(
            start + ms,
            "shop",
            json!({"scope": "stat", "hostname": host, "perf": {"rss": rss, "cpu": cpu}}),
        )
    };
    records.extend([
        sample(0, "h1", 100, 1.0),
        sample(30_000, "h1", 300, 2.0),
        sample(HOUR_MS, "h1", 200, 9.5),
        sample(0, "h2", 1_000, 0.5),
    ]);
    records
}

#[track_caller]
fn check_near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= expected * 0.02, "{value} is not about {expected}");
}

#[tokio::test]
async fn figures_are_those_of_what_was_sent() {
    let server = Server::start().await;
    let start = start();
    send(&server, &a_day(start)).await;
    let window = format!("since={}&until={}", at(start), at(start + 2 * HOUR_MS));

    let overview = server.json(&format!("/api/v1/stats/overview?{window}&step_seconds=3600")).await;
    assert_eq!(
        (&overview["since"], &overview["until"]),
        (&json!(at(start)), &json!(at(start + 2 * HOUR_MS)))
    );
    let total = &overview["total"];
    assert_eq!((&total["events"], &total["errors"]), (&json!(119), &json!(1)));
    assert_eq!((&total["requests"]["count"], &total["requests"]["errors"]), (&json!(111), &json!(4)));
    assert_eq!((&total["calls"]["count"], &total["calls"]["errors"]), (&json!(3), &json!(1)));
    let steps = overview["items"].as_array().unwrap();
    let counts: Vec<_> = steps.iter().map(|step| (&step["start"], &step["requests"]["count"])).collect();
    assert_eq!(counts, [(&json!(at(start)), &json!(100)), (&json!(at(start + HOUR_MS)), &json!(11))]);
    check_near(&steps[0]["requests"]["p50_ms"], 50.5);
    check_near(&steps[0]["requests"]["p99_ms"], 99.5);
    let web = server.json(&format!("/api/v1/stats/overview?{window}&service=web")).await;
    assert_eq!((&web["total"]["events"], &web["total"]["calls"]), (&json!(1), &Value::Null));

    let routes = server.json(&format!("/api/v1/stats/routes?{window}")).await;
    let names = |answer: &Value, key: &str| -> Vec<String> {
        let items = answer["items"].as_array().unwrap().iter();
        items
            .map(|item| format!("{}{}", item["service"].as_str().unwrap(), item[key].as_str().unwrap()))
            .collect()
    };
    assert_eq!(names(&routes, "route"), ["shop/a", "shop/b", "web/a"]);
    let first = &routes["items"][0];
    assert_eq!(
        (&first["method"], &first["count"], &first["errors"], &first["mean_ms"], &first["max_ms"]),
        (&json!("GET"), &json!(100), &json!(0), &json!(50.5), &json!(100.0))
    );
    check_near(&first["p90_ms"], 90.5);
    check_near(&first["p95_ms"], 95.5);
    assert_eq!((&first["steps"], &routes["step_ms"]), (&json!([]), &Value::Null));
    for (sort, expected) in [("errors", "shop/b"), ("p99", "shop/b"), ("time", "shop/b"), ("count", "shop/a")]
    {
        let sorted = server.json(&format!("/api/v1/stats/routes?{window}&sort={sort}&limit=1")).await;
        assert_eq!(names(&sorted, "route"), [expected], "{sort}");
    }
    let stepped =
        server.json(&format!("/api/v1/stats/routes?{window}&step_seconds=120&limit=2&service=shop")).await;
    let steps = stepped["items"][1]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 5);
    assert_eq!(
        (&steps[1]["start"], &steps[1]["count"]),
        (&json!(at(start + HOUR_MS + 2 * MINUTE_MS)), &json!(2))
    );
    assert_eq!(
        server.json(&format!("/api/v1/stats/routes?{window}&environment=staging")).await["items"],
        json!([])
    );

    let hosts = server.json(&format!("/api/v1/stats/calls?{window}&step_seconds=3600")).await;
    assert_eq!(names(&hosts, "host"), ["shoppay:80"]);
    let host = &hosts["items"][0];
    assert_eq!((&host["count"], &host["errors"], &host["route"]), (&json!(3), &json!(1), &json!("")));
    assert_eq!(host["steps"].as_array().unwrap().len(), 2);
    let by_route = server.json(&format!("/api/v1/stats/calls?{window}&by=route")).await;
    assert_eq!(names(&by_route, "route"), ["shop/charge/{id}", "shop/refund"]);

    let performance = server.json(&format!("/api/v1/stats/performance?{window}&step_seconds=3600")).await;
    let item = |hostname: &str, usage: Value, steps: Value| {
        let mut item =
            json!({"service": "shop", "environment": "production", "hostname": hostname, "steps": steps});
        item.as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
        item
    };
    let usage = |samples: u32, rss: [u32; 2], cpu: [f64; 2]| json!({"samples": samples, "rss_mean": rss[0], "rss_max": rss[1], "cpu_mean": cpu[0], "cpu_max": cpu[1]});
    let step = |ms: i64, usage: Value| {
        let mut step = json!({"start": at(start + ms)});
        step.as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
        step
    };
    let first = usage(2, [200, 300], [1.5, 2.0]);
    let second = usage(1, [200, 200], [9.5, 9.5]);
    let other = usage(1, [1000, 1000], [0.5, 0.5]);
    assert_eq!(
        performance["items"],
        json!([
            item("h1", usage(3, [200, 300], [4.167, 9.5]), json!([step(0, first), step(HOUR_MS, second)])),
            item("h2", other.clone(), json!([step(0, other)])),
        ])
    );
    let by_memory = server.json(&format!("/api/v1/stats/performance?{window}&sort=rss&limit=1")).await;
    assert_eq!(by_memory["items"][0]["hostname"], "h2");
}

#[tokio::test]
async fn projects_are_those_that_sent() {
    let server = Server::start().await;
    assert_eq!(server.json("/api/v1/projects").await, json!({"items": [], "next_cursor": null}));
    let start = start();
    let day = 24 * HOUR_MS;
    send(
        &server,
        &[
            record(start + 61_007, "shop", json!({"event": "trace", "level": 50})),
            record(start, "shop", json!({"event": "trace", "environment": "staging"})),
            record(start - day, "shop", json!({"event": "trace"})),
            record(start - 3 * day + 5, "mail", json!({"event": "trace"})),
            record(start - 40 * day, "old", json!({"event": "trace"})),
        ],
    )
    .await;
    let mut ids = Vec::new();
    for line in 1..=3 {
        ids.push(server.report(&a_report(line)).await["id"].clone());
    }
    // One of the three was looked at, and is not a defect.
    for status in ["VERIFYING", "CANNOT_REPRODUCE"] {
        let change = server.client.patch(format!("{}/api/v1/issues/{}", server.api, ids[0]));
        answer(change.json(&json!({"status": status})).send().await.unwrap(), StatusCode::OK).await;
    }
    server.sql_becomes("SELECT sum(count) FROM event_counts", "8").await;
    let projects = server.json("/api/v1/projects").await;
    let items = projects["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rtc_backend", "shop", "mail"]);
    let (backend, shop, mail) = (&items[0], &items[1], &items[2]);
    assert_eq!(
        (&backend["events_24h"], &backend["errors_24h"], &backend["open_issues"]),
        (&json!(3), &json!(3), &json!(2))
    );
    assert_eq!(
        *shop,
        json!({"name": "shop", "environments": ["production", "staging"], "last_seen": at(start + 61_007),
            "events_24h": 2, "errors_24h": 1, "open_issues": 0})
    );
    assert_eq!((&mail["last_seen"], &mail["events_24h"]), (&json!(at(start - 3 * day + 5)), &json!(0)));
    let recent = server.json("/api/v1/projects?since=2d").await;
    assert_eq!(recent["items"].as_array().unwrap().len(), 2);
    let all = server.json("/api/v1/projects?since=60d").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn bad_questions_for_figures_are_named() {
    let server = Server::start().await;
    let long = "p".repeat(129);
    let stats = ["overview", "routes", "calls", "performance"].map(|noun| format!("stats/{noun}"));
    let mut cases: Vec<(String, &str)> = Vec::new();
    for path in &stats {
        for (query, field) in [
            ("colour=red", "colour"),
            ("since=yesterday", "since"),
            ("until=soon", "until"),
            ("service=a&service=b", "service"),
            ("service=a&project=b", "service"),
            ("step_seconds=0", "step_seconds"),
            ("step_seconds=61", "step_seconds"),
            ("step_seconds=86401", "step_seconds"),
            ("step_seconds=soon", "step_seconds"),
            ("since=366d&step_seconds=900", "step_seconds"),
        ] {
            cases.push((format!("{path}?{query}"), field));
        }
        cases.push((format!("{path}?service={long}"), "service"));
        cases.push((format!("{path}?environment={long}"), "environment"));
    }
    for path in &stats[1..] {
        for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("sort=best", "sort")] {
            cases.push((format!("{path}?{query}"), field));
        }
        cases.push((format!("{path}?since=2d&step_seconds=60&limit=500"), "limit"));
    }
    cases.push(("stats/calls?by=colour".to_owned(), "by"));
    cases.push(("stats/routes?by=route".to_owned(), "by"));
    cases.push(("projects?since=yesterday".to_owned(), "since"));
    cases.push(("projects?limit=5".to_owned(), "limit"));
    for (path, field) in cases {
        let response = server.get(&format!("/api/v1/{path}")).send().await.unwrap();
        let refused = answer(response, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["error"]["field"], field, "{path}");
    }
    // Nothing there, or an empty time, is no mistake.
    for path in stats {
        let empty = server.json(&format!("/api/v1/{path}?since=1h&until=1h")).await;
        assert_eq!(empty["items"], json!([]), "{path}");
    }
}
