//! A request of which not all records are read: cut off is not unfinished.

use super::trace::{Story, trace};
use crate::harness::Server;
use serde_json::{Value, json};

/// Records between begin and end of the inner request.
const RECORDS: i64 = 300;

/// A gateway asks a shop that writes much, and at last an error; then both end.
fn a_long_request(id: &'static str) -> Story {
    let call = json!({"service_req": {"host": "shop:80", "path": "/cart"}});
    let done = json!({"service_req": call["service_req"], "service_res": {"http_code": 200, "tm": 990.0}});
    let error = json!({"level": 50, "msg": "late", "err": {"type": "Late", "msg": "late", "stack": "", "file_path": "a.rs", "line_number": 3}});
    let mut story = Story::new(id)
        .tell(0, "gateway", "client-req", ["a1", ""], json!({"extra": "method=GET route=/cart"}))
        .tell(1, "gateway", "service-start", ["a2", "a1"], call)
        .tell(2, "shop", "client-req", ["b1", "a2"], json!({"extra": "method=GET route=/cart"}));
    for number in 0..RECORDS {
        story = story.tell(
            10 + number,
            "shop",
            "trace",
            ["b1", "a2"],
            json!({"msg": "step", "extra": format!("n={number}")}),
        );
    }
    story
        .tell(900, "stock", "trace", ["c1", "b1"], json!({"msg": "counted"}))
        .tell(910, "shop", "trace", ["b1", "a2"], error)
        .tell(
            980,
            "shop",
            "client-res",
            ["b1", "a2"],
            json!({"tm": 978.0, "extra": "method=GET route=/cart status=200"}),
        )
        .tell(991, "gateway", "service-end", ["a2", "a1"], done)
        .tell(
            1000,
            "gateway",
            "client-res",
            ["a1", ""],
            json!({"tm": 1000.0, "extra": "method=GET route=/cart status=200"}),
        )
}

#[tokio::test]
async fn a_request_that_is_cut_off_is_not_unfinished() {
    let server = Server::start().await;
    // An id that tells its time, and one that does not.
    let made = now_id();
    for id in ["req_long", made] {
        a_long_request(id).send(&server).await;
        server.sql_becomes(&format!("SELECT count() FROM events WHERE req_id = '{id}'"), "308").await;
        let whole = server.json(&format!("/api/v1/requests/{id}")).await;
        assert_eq!((&whole["record_count"], &whole["truncated"]), (&json!(308), &json!(false)));
        for limit in [1, 2, 3, 50, 304, 307] {
            let cut = server.json(&format!("/api/v1/requests/{id}?limit={limit}")).await;
            assert_eq!(cut["events"].as_array().unwrap()[..], whole["events"].as_array().unwrap()[..limit]);
            assert_eq!(cut["truncated"], true);
            let keys = [
                "record_count",
                "started_at",
                "duration_ms",
                "complete",
                "error_count",
                "services",
                "issues",
                "hops",
            ];
            for key in keys {
                assert_eq!(cut[key], whole[key], "{id} {limit} {key}");
            }
            let ran = trace(&server, &[id, "--limit", &limit.to_string()]).await;
            ran.ended(0, &[&format!("the first {limit} of 308 records were read; --limit reads more")]);
            assert!(!ran.out.contains("unfinished"), "{}", ran.out);
            let head =
                "1000 ms · 3 services (gateway, shop, stock) · 308 records · 1 error · complete · truncated";
            assert!(ran.out.contains(head), "{}", ran.out);
        }
        let ran = trace(&server, &[id, "--limit", "308"]).await;
        assert!(ran.said.is_empty() && !ran.out.contains("truncated"), "{}{}", ran.said, ran.out);
    }
}

/// An id of this moment, in the form of a UUIDv7.
fn now_id() -> &'static str {
    let ms = crate::harness::now_ms();
    let hex = format!("{ms:012x}");
    format!("{}-{}-7000-8000-00000000abcd", &hex[..8], &hex[8..]).leak()
}

#[tokio::test]
async fn what_has_no_end_is_unfinished_however_much_is_read() {
    let server = Server::start().await;
    let mut story = a_long_request("req_open");
    // The gateway died before its end.
    story.records.pop();
    story.send(&server).await;
    server.sql_becomes("SELECT count() FROM events", "307").await;
    for limit in ["1", "100", "306", "307"] {
        let ran = trace(&server, &["req_open", "--limit", limit]).await;
        assert_eq!(ran.out.matches("unfinished, nobody wrote its end").count(), 1, "{limit}\n{}", ran.out);
        assert!(ran.out.contains("incomplete"), "{}", ran.out);
    }
    // Records without ids are paired by their times, also across the cut.
    let mut story = Story::new("req_bare");
    for number in 0..20 {
        story = story
            .tell(number * 10, "web", "client-req", ["", ""], json!({"extra": "method=GET route=/x"}))
            .tell(
                number * 10 + 5,
                "web",
                "client-res",
                ["", ""],
                json!({"tm": 5.0, "extra": "method=GET route=/x status=200"}),
            );
    }
    story.send(&server).await;
    let whole = server.json("/api/v1/requests/req_bare").await;
    for limit in [1, 15, 39] {
        let cut: Value = server.json(&format!("/api/v1/requests/req_bare?limit={limit}")).await;
        assert_eq!((&cut["hops"], &cut["complete"]), (&whole["hops"], &json!(true)), "{limit}");
    }
}
