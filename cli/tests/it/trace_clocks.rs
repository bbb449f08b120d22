//! Hosts whose clocks differ.

use super::trace::{Story, trace};
use crate::harness::{DEADLINE, POLL, Server};
use serde_json::json;
use std::time::Instant;

/// A gateway asks a shop for 10 of its 21 ms, whose clock is ahead by so many milliseconds; the shop asks its database.
fn a_skewed_request(id: &'static str, ahead: i64) -> Story {
    let call = |host: &str| json!({"service_req": {"host": host, "path": "/q"}});
    let done = |host: &str, tm: f64| json!({"service_req": {"host": host, "path": "/q"}, "service_res": {"http_code": 200, "tm": tm}});
    Story::new(id)
        .tell(0, "gateway", "client-req", ["a1", ""], json!({"extra": "method=GET route=/x"}))
        .tell(5, "gateway", "service-start", ["a2", "a1"], call("shop:80"))
        .tell(6 + ahead, "shop", "client-req", ["b1", "a2"], json!({"extra": "method=GET route=/x"}))
        .tell(8 + ahead, "shop", "service-start", ["b2", "b1"], call("db:5432"))
        .tell(11 + ahead, "shop", "service-end", ["b2", "b1"], done("db:5432", 3.0))
        .tell(
            14 + ahead,
            "shop",
            "client-res",
            ["b1", "a2"],
            json!({"tm": 8.0, "extra": "method=GET route=/x status=200"}),
        )
        .tell(15, "gateway", "service-end", ["a2", "a1"], done("shop:80", 10.0))
        .tell(
            21,
            "gateway",
            "client-res",
            ["a1", ""],
            json!({"tm": 21.0, "extra": "method=GET route=/x status=200"}),
        )
}

#[tokio::test]
async fn both_durations_are_said_where_clocks_differ() {
    let server = Server::start().await;
    for (id, ahead, written, size, way) in [
        ("req_8s", 8_000, "8014 ms", "7999", "ahead of"),
        ("req_1h", 3_600_000, "3600014 ms", "3599999", "ahead of"),
        ("req_behind", -2_000, "2015 ms", "1999", "behind"),
        ("req_bit", 50, "64.0 ms", "49.0", "ahead of"),
    ] {
        a_skewed_request(id, ahead).send(&server).await;
        // What lies in another day may come later.
        let started = Instant::now();
        while server.json(&format!("/api/v1/requests/{id}")).await["record_count"] != 8 {
            assert!(started.elapsed() < DEADLINE, "{id}");
            tokio::time::sleep(POLL).await;
        }
        let ran = trace(&server, &[id, "--width", "100"]).await;
        ran.ended(0, &[]);
        let head = ran.out.lines().nth(1).unwrap();
        assert!(head.starts_with("21.0 ms ("), "{}", ran.out);
        let note = format!("the clock of this host is {size} ms or more {way} its caller's; it wrote ");
        let shown: String = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            shown.contains(&format!("({written} by the clocks of its hosts, which differ)")),
            "{}",
            ran.out
        );
        assert!(shown.contains(&note), "{note}\n{}", ran.out);
        // Starts and bars are as if the clocks agreed: what the shop did lies within the call, and is to be seen.
        let line = ran.out.lines().find(|line| line.trim_start().starts_with("→ db:5432/q")).unwrap();
        let start: f64 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert!((6.0..=14.0).contains(&start) && line.matches('━').count() > 3, "{}", ran.out);
    }
}

#[tokio::test]
async fn where_clocks_agree_there_is_one_duration() {
    let server = Server::start().await;
    a_skewed_request("req_even", 0).send(&server).await;
    let out = trace(&server, &["req_even"]).await.out;
    assert!(out.lines().nth(1).unwrap().starts_with("21.0 ms · 2 services"), "{out}");
    assert!(!out.contains("clock"), "{out}");
}
