//! One verdict on a hop: lists, trees, figures, views and searches agree.

use crate::harness::{Server, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the record of an end says, and what follows from it.
fn ends() -> Vec<(&'static str, Value, &'static str)> {
    let err =
        || json!({"type": "Timeout", "msg": "too late", "stack": "", "file_path": "a.rs", "line_number": 1});
    let called = |more: Value| {
        let mut response = json!({"tm": 5});
        response.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        response
    };
    vec![
        ("client-res", json!({"extra": "status=200"}), "ok"),
        ("client-res", json!({"extra": "status=404", "level": 40}), "ok"),
        ("client-res", json!({"extra": "grpc-status=5"}), "ok"),
        ("client-res", json!({}), "ok"),
        ("client-res", json!({"extra": "note=\"an outcome=failed b\""}), "ok"),
        ("client-res", json!({"extra": "status=500"}), "error"),
        ("client-res", json!({"extra": "status=599", "level": 40}), "error"),
        ("client-res", json!({"extra": "status=200 outcome=failed"}), "error"),
        ("client-res", json!({"extra": "status=200 outcome=panicked"}), "error"),
        ("client-res", json!({"extra": "status=200", "err": err()}), "error"),
        ("client-res", json!({"extra": "status=200", "level": 50}), "error"),
        ("client-res", json!({"extra": "grpc-status=14"}), "error"),
        ("client-res", json!({"extra": {"grpc_status": 2}}), "error"),
        ("client-res", json!({"grpc-status": 13}), "error"),
        ("client-res", json!({"extra": "outcome=cancelled", "level": 40}), "unfinished"),
        ("service-end", json!({"service_res": called(json!({"http_code": 200}))}), "ok"),
        ("service-end", json!({"service_res": called(json!({"http_code": 404}))}), "ok"),
        ("service-end", json!({"service_res": called(json!({})), "extra": "grpc-status=0"}), "ok"),
        ("service-end", json!({"service_res": called(json!({"http_code": 503}))}), "error"),
        ("service-end", json!({"service_res": called(json!({"err": "reset"}))}), "error"),
        (
            "service-end",
            json!({"service_res": called(json!({})), "extra": "grpc-status=UNAVAILABLE"}),
            "error",
        ),
        ("service-end", json!({"service_res": called(json!({"http_code": 200})), "err": err()}), "error"),
        ("service-err", json!({"service_res": called(json!({})), "level": 40}), "error"),
        ("service-err", json!({"service_res": called(json!({"http_code": 500})), "level": 40}), "error"),
        (
            "service-err",
            json!({"service_res": called(json!({})), "extra": "outcome=cancelled"}),
            "unfinished",
        ),
    ]
}

/// Each end in a request of its own. A call hangs in a request that is handled.
fn records(start: i64) -> Vec<Value> {
    let time = |ms: i64| UnixMillis(start + ms).to_string();
    let mut records = Vec::new();
    for (number, (event, said, _)) in ends().into_iter().enumerate() {
        let mut end = json!({"name": "shop", "hostname": "h1", "pid": 1, "level": 30, "time": time(10), "msg": "end",
            "scope": "visit", "event": event, "req_id": format!("r{number}"), "span_id": format!("{number:016x}")});
        if event == "client-res" {
            end["tm"] = json!(5);
        } else {
            end["service_req"] = json!({"host": "pay", "path": "/charge"});
        }
        end.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        records.push(end);
    }
    records
}

#[tokio::test]
async fn every_kind_of_failed_hop_is_found_alike_in_list_tree_figures_views_and_search() {
    let server = Server::start().await;
    let body: Vec<String> = records(now_ms() - 120_000).iter().map(Value::to_string).collect();
    let kept = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
    assert_eq!(answer(kept, StatusCode::OK).await["accepted"], body.len());
    server.sql_becomes("SELECT sum(count) FROM event_counts", &body.len().to_string()).await;
    let of = |kind: &dyn Fn(&str) -> bool, state: &str| -> Vec<String> {
        let mut ids: Vec<_> = ends()
            .iter()
            .enumerate()
            .filter(|(_, (event, _, verdict))| kind(event) && *verdict == state)
            .map(|(number, _)| format!("r{number}"))
            .collect();
        ids.sort();
        ids
    };
    let (request, call) = (|event: &str| event == "client-res", |event: &str| event != "client-res");
    let sorted = |list: &Value| {
        let mut ids: Vec<_> =
            list.as_array().unwrap().iter().map(|item| item["req_id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };

    for state in ["ok", "error", "unfinished"] {
        let listed = server.json(&format!("/api/v1/requests?state={state}&hops=all&limit=500")).await;
        assert_eq!(sorted(&listed["items"]), of(&request, state), "list, {state}");
        let found = server.json(&format!("/api/v1/events?q=state:{state}&limit=500")).await;
        assert_eq!(sorted(&found["items"]), of(&|_| true, state), "search, {state}");
        for (view, kind) in [("requests", &request as &dyn Fn(&str) -> bool), ("calls", &call)] {
            let sql = format!(
                "SELECT arraySort(groupArray(req_id)) FROM {view} WHERE state = '{state}' FORMAT JSONCompactEachRow"
            );
            let ids: Vec<Vec<String>> = serde_json::from_str(&server.sql(&sql).await).unwrap();
            assert_eq!(ids[0], of(kind, state), "{view}, {state}");
        }
    }
    for (number, (event, said, state)) in ends().iter().enumerate() {
        let tree = server.json(&format!("/api/v1/requests/r{number}")).await;
        assert_eq!(tree["hops"][0]["state"], *state, "tree, {event} {said}");
        assert_eq!(tree["events"][0]["state"], *state, "record, {event} {said}");
    }
    let failed = |of: Vec<String>| json!(of.len());
    let routes = server.json("/api/v1/stats/routes").await;
    let errors: u64 =
        routes["items"].as_array().unwrap().iter().map(|item| item["errors"].as_u64().unwrap()).sum();
    assert_eq!(json!(errors), failed(of(&request, "error")), "{routes}");
    assert_eq!(server.json("/api/v1/stats/calls").await["items"][0]["errors"], failed(of(&call, "error")));
    let total = server.json("/api/v1/stats/overview").await["total"].clone();
    assert_eq!(total["requests"]["errors"], failed(of(&request, "error")));
    assert_eq!(total["calls"]["errors"], failed(of(&call, "error")));
    let facet = server.json("/api/v1/events/facets?fields=state").await;
    let counts: BTreeMap<&str, u64> = facet["state"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (value["value"].as_str().unwrap(), value["count"].as_u64().unwrap()))
        .collect();
    for state in ["ok", "error", "unfinished"] {
        assert_eq!(counts[state], of(&|_| true, state).len() as u64, "facet, {state}");
    }
    // Without a state, the list has what ended: a client that went away ended nothing.
    let all = server.json("/api/v1/requests?hops=all&limit=500").await;
    let mut ended = of(&request, "ok");
    ended.extend(of(&request, "error"));
    ended.sort();
    assert_eq!(sorted(&all["items"]), ended);
}
