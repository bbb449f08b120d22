//! What is absent is not zero: figures are made of what was said.

use crate::harness::{Server, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn send(server: &Server, records: &[Value]) {
    let body: Vec<String> = records.iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], records.len());
    server.sql_becomes("SELECT sum(count) FROM event_counts", &records.len().to_string()).await;
}

fn record(more: Value) -> Value {
    let time = UnixMillis(now_ms() - 120_000).to_string();
    let mut record = json!({"name": "shop", "hostname": "h1", "pid": 1, "level": 30, "time": time, "msg": "m",
        "scope": "visit", "req_id": "r"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

const DURATIONS: [&str; 6] = ["mean_ms", "max_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms"];

#[tokio::test]
async fn durations_are_of_those_that_say_how_long_they_took() {
    let server = Server::start().await;
    let answered = |tm: Value, route: &str| {
        let mut end =
            record(json!({"event": "client-res", "extra": format!("status=200 route={route} method=GET")}));
        end.as_object_mut().unwrap().extend(tm.as_object().unwrap().clone());
        end
    };
    let called = |response: Value| {
        record(
            json!({"event": "service-end", "service_req": {"host": "pay", "path": "/"}, "service_res": response}),
        )
    };
    send(
        &server,
        &[
            answered(json!({"tm": 100}), "/a"),
            answered(json!({}), "/a"),
            answered(json!({}), "/a"),
            answered(json!({}), "/a"),
            answered(json!({}), "/silent"),
            answered(json!({"tm": 0}), "/instant"),
            called(json!({"http_code": 200, "tm": 40})),
            called(json!({"http_code": 200})),
        ],
    )
    .await;
    let routes = server.json("/api/v1/stats/routes?step_seconds=60").await;
    let of = |route: &str| {
        let items = routes["items"].as_array().unwrap();
        items.iter().find(|item| item["route"] == route).cloned().unwrap()
    };
    assert_eq!(of("/a")["count"], 4);
    for figure in DURATIONS {
        assert_eq!(of("/a")[figure], 100.0, "{figure}");
        assert_eq!(of("/a")["steps"][0][figure], 100.0, "{figure} of a step");
        assert_eq!(of("/silent")[figure], Value::Null, "{figure}");
        assert_eq!(of("/instant")[figure], 0.0, "{figure}");
    }
    let calls = server.json("/api/v1/stats/calls").await["items"][0].clone();
    assert_eq!(
        (&calls["count"], &calls["mean_ms"], &calls["p50_ms"]),
        (&json!(2), &json!(40.0), &json!(40.0))
    );
    let mean = "SELECT sum(tm_sum) / sum(tm_count), max(requests_by_minute.tm_max), sum(count) FROM requests_by_minute WHERE route = '/a'";
    assert_eq!(server.sql(mean).await, "100\t100\t4");
    let silent = "SELECT sum(tm_count), max(requests_by_minute.tm_max) FROM requests_by_minute WHERE route = '/silent'";
    assert_eq!(server.sql(silent).await, "0\t\\N");
}

#[tokio::test]
async fn sorting_by_a_duration_puts_those_without_one_last() {
    let server = Server::start().await;
    let answered = |route: &str, more: Value| {
        let mut end =
            record(json!({"event": "client-res", "extra": format!("status=200 route={route} method=GET")}));
        end.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        end
    };
    send(
        &server,
        &[
            answered("/silent", json!({})),
            answered("/slow", json!({"tm": 9})),
            answered("/quick", json!({"tm": 1})),
        ],
    )
    .await;
    let routes = server.json("/api/v1/stats/routes?sort=p99").await;
    let order: Vec<_> =
        routes["items"].as_array().unwrap().iter().map(|item| item["route"].clone()).collect();
    assert_eq!(order, ["/slow", "/quick", "/silent"]);
}
