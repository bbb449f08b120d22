//! `log-center trace`: the waterfall.

use super::{Ran, command, run};
use crate::harness::{Server, answer};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Records of one request, each so many milliseconds after its start.
pub struct Story {
    id: &'static str,
    start: i64,
    pub records: Vec<Value>,
}

impl Story {
    pub fn new(id: &'static str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Self { id, start: i64::try_from(now).unwrap() - 60_000, records: Vec::new() }
    }

    pub fn tell(mut self, ms: i64, name: &str, event: &str, spans: [&str; 2], more: Value) -> Self {
        let mut record = json!({"name": name, "hostname": name, "pid": 1, "level": 30, "scope": "visit", "event": event,
            "time": UnixMillis(self.start + ms).to_string(), "msg": event, "req_id": self.id,
            "span_id": spans[0], "parent_id": spans[1]});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.records.push(record);
        self
    }

    pub async fn send(self, server: &Server) -> Self {
        let body: Vec<String> = self.records.iter().map(Value::to_string).collect();
        let sent = server.post("/api/v1/events").body(body.join("\n")).send().await.unwrap();
        let kept = answer(sent, StatusCode::OK).await;
        assert_eq!(kept["accepted"], self.records.len());
        self
    }
}

/// A gateway asks orders, which asks prices, and dies while it waits.
pub fn a_request_with_a_gap() -> Story {
    let orders = json!({"service_req": {"host": "orders:80", "path": "/orders/7"}});
    let prices = json!({"service_req": {"host": "prices:80", "path": "/rates/eur"}});
    let failed = json!({"level": 40, "service_req": orders["service_req"],
        "service_res": {"tm": 95.0, "err": "connection \u{1b}[31mclosed"}});
    let error = json!({"level": 50, "msg": "rate unreadable", "extra": "currency=eur",
        "err": {"type": "Declined", "msg": "no rate", "stack": "", "file_path": "src/rate.rs", "line_number": 7}});
    Story::new("req_gap")
        .tell(0, "gateway", "client-req", ["a1", ""], json!({"extra": "method=GET route=/orders/{id}"}))
        .tell(2, "gateway", "service-start", ["a2", "a1"], orders)
        .tell(10, "orders", "client-req", ["b1", "a2"], json!({"extra": "method=GET route=/orders/{id}"}))
        .tell(20, "orders", "service-start", ["b2", "b1"], prices)
        .tell(30, "prices", "client-req", ["c1", "b2"], json!({"extra": "method=GET route=/rates/{c}"}))
        .tell(35, "prices", "trace", ["c1", "b2"], error)
        .tell(
            40,
            "prices",
            "client-res",
            ["c1", "b2"],
            json!({"tm": 10.0, "level": 40, "extra": "status=500"}),
        )
        .tell(97, "gateway", "service-err", ["a2", "a1"], failed)
        .tell(
            100,
            "gateway",
            "client-res",
            ["a1", ""],
            json!({"tm": 100.0, "level": 40, "extra": "status=502"}),
        )
}

pub async fn trace(server: &Server, arguments: &[&str]) -> Ran {
    let state = TempDir::new().unwrap();
    run(command(&server.api, &state, &[&["trace"], arguments].concat()), "").await
}

#[tokio::test]
async fn a_request_is_a_tree_with_bars_and_its_gap_is_seen() {
    let server = Server::start().await;
    a_request_with_a_gap().send(&server).await;
    let ran = trace(&server, &["req_gap", "--width", "90"]).await;
    ran.ended(0, &[]);
    let issue = server.json("/api/v1/issues").await["items"][0]["id"].to_string();
    let lines: Vec<&str> = ran.out.lines().map(str::trim_end).collect();
    assert!(lines[0].starts_with("req_gap  20"), "{}", ran.out);
    let expected = [
        "100.0 ms · 3 services (gateway, orders, prices) · 9 records · 1 error · incomplete",
        &format!("issue: {issue}"),
        "",
        "                                       start         ms",
        "gateway GET /orders/{id}      502       0.00      100.0 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        "  → orders:80/orders/7                  2.00       95.0 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        "    WARN  gateway service-err orders:80/orders/7 95 ms connection \\u{1b}[31mclosed",
        "    orders GET /orders/{id}             10.0          ?    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",
        "      gap: unfinished, nobody wrote its end",
        "      → prices:80/rates/eur             20.0          ?       ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌",
        "        gap: unfinished, nobody wrote its end",
        "        prices GET /rates/{c} 500       30.0       10.0           ━━━━",
        "          ERROR prices rate unreadable currency=eur Declined: no rate (src/rate.rs:7)",
    ];
    assert_eq!(lines[1..], expected, "{}", ran.out);
}

#[tokio::test]
async fn colours_are_where_they_are_wanted() {
    let server = Server::start().await;
    a_request_with_a_gap().send(&server).await;
    let coloured = trace(&server, &["req_gap", "--color", "always", "--width", "90"]).await.out;
    assert!(coloured.contains("\u{1b}[31mERROR\u{1b}[0m"), "{coloured}");
    assert!(coloured.contains("\u{1b}[36mprices\u{1b}[0m GET"), "{coloured}");
    // None of it is the program's whose record it is.
    assert!(!coloured.contains("\u{1b}[31mclosed"), "{coloured}");
    for arguments in [&["req_gap"][..], &["req_gap", "--color", "never"]] {
        assert!(!trace(&server, arguments).await.out.contains('\u{1b}'));
    }
}

#[tokio::test]
async fn events_and_json_give_all_records() {
    let server = Server::start().await;
    let story = a_request_with_a_gap().send(&server).await;
    let ran = trace(&server, &["req_gap", "--events"]).await;
    for record in &story.records {
        let (time, name) = (record["time"].as_str().unwrap(), record["name"].as_str().unwrap());
        let found = ran.out.lines().any(|line| line.starts_with(&time[11..23]) && line.contains(name));
        assert!(found, "{record}\n{}", ran.out);
    }
    let ran = trace(&server, &["req_gap", "--json"]).await;
    let printed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(printed, server.json("/api/v1/requests/req_gap").await);
    let first = trace(&server, &["req_gap", "--json", "--limit", "1"]).await.out;
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["truncated"], true);
}

#[tokio::test]
async fn a_request_without_hops_is_its_records() {
    let server = Server::start().await;
    let story = Story::new("req_flat");
    story.tell(0, "web", "", ["", ""], json!({"msg": "cart is large"})).send(&server).await;
    let out = trace(&server, &["req_flat"]).await.out;
    assert!(out.contains("nobody wrote of its hops") && out.contains("INFO  web cart is large"), "{out}");
}

#[tokio::test]
async fn an_unknown_id_and_a_bad_one_are_told_apart() {
    let server = Server::start().await;
    trace(&server, &["req/none?"])
        .await
        .ended(4, &["no record has the req_id req/none?", "log-center requests"]);
    trace(&server, &["two words"]).await.ended(1, &["422", "req_id"]);
    // A server of another kind knows no request either, which says nothing.
    let state = TempDir::new().unwrap();
    let other = server.dashboard.clone() + "/nothing/here";
    run(command(&other, &state, &["trace", "r1"]), "").await.ended(1, &["404", "no answer of Log Center"]);
}

#[tokio::test]
async fn hops_may_nest_deeper_than_json_is_read() {
    let server = Server::start().await;
    let depth = 600_i64;
    let mut story = Story::new("req_deep");
    for level in 0..depth {
        let (own, above) = (format!("s{level}"), level.checked_sub(1).map(|above| format!("s{above}")));
        let above = if level == 0 { String::new() } else { above.unwrap_or_default() };
        story = story.tell(level, "loop", "client-req", [&own, &above], json!({"extra": "route=/again"}));
    }
    story.send(&server).await;
    let ran = trace(&server, &["req_deep", "--width", "60"]).await;
    ran.ended(0, &[]);
    assert_eq!(ran.out.matches("unfinished").count(), depth as usize);
    assert!(ran.out.contains("599 loop"), "{}", ran.out);
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = Server::start().await;
    let mut story = Story::new("req_long");
    for ms in 0..5_000 {
        story = story.tell(ms, "shop", "trace", ["a", ""], json!({"level": 40, "msg": "again"}));
    }
    story.send(&server).await;
    let state = TempDir::new().unwrap();
    for arguments in [&["trace", "req_long", "--events"][..], &["trace", "req_long", "--json"], &["schema"]] {
        let mut command = command(&server.api, &state, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        out.read_until(b' ', &mut Vec::new()).unwrap();
        drop(out);
        let status = super::ended(&mut child).await;
        let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
