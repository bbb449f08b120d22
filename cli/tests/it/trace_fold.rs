//! Lines that say the same are one line, and lines are no longer than they may be.

use super::trace::{Story, a_request_with_a_gap, trace};
use crate::harness::Server;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

/// A request with so many warnings of one place, each with what `extra` makes of its number.
async fn a_request_with_warnings(server: &Server, id: &'static str, count: i64, extra: fn(i64) -> String) {
    let mut story =
        Story::new(id).tell(0, "shop", "client-req", ["a", ""], json!({"extra": "method=GET route=/x"}));
    for number in 0..count {
        let record = json!({"level": 40, "msg": "slow answer", "extra": extra(number)});
        story = story.tell(1 + number, "shop", "trace", ["a", ""], record);
    }
    let end = json!({"tm": 9001.0, "extra": "method=GET route=/x status=200"});
    story.tell(9001, "shop", "client-res", ["a", ""], end).send(server).await;
}

#[tokio::test]
async fn equal_warnings_are_one_line() {
    let server = Server::start().await;
    a_request_with_warnings(&server, "req_equal", 9_000, |_| "host=db".to_owned()).await;
    let ran = trace(&server, &["req_equal"]).await;
    ran.ended(0, &[]);
    assert!(ran.out.lines().count() < 8, "{}", ran.out);
    assert!(ran.out.contains("  WARN  shop slow answer host=db × 9000"), "{}", ran.out);

    // Two kinds by turns, all different, and each with a text of its own.
    a_request_with_warnings(&server, "req_turns", 1_000, |number| format!("host=db{}", number % 2)).await;
    let out = trace(&server, &["req_turns"]).await.out;
    assert!(out.contains("host=db0 × 500\n") && out.contains("host=db1 × 500\n"), "{out}");
    a_request_with_warnings(&server, "req_numbered", 1_000, |number| format!("n={number}")).await;
    let out = trace(&server, &["req_numbered"]).await.out;
    assert!(out.contains("n=0\n") && out.contains("n=2\n") && !out.contains("n=3\n"), "{out}");
    assert!(out.contains("… 997 more of these with other data; --events lists all"), "{out}");
    let mut story =
        Story::new("req_texts").tell(0, "shop", "client-req", ["a", ""], json!({"extra": "route=/x"}));
    for number in 0..200 {
        story = story.tell(
            number,
            "shop",
            "trace",
            ["a", ""],
            json!({"level": 50, "msg": format!("text {number}")}),
        );
    }
    story.send(&server).await;
    let out = trace(&server, &["req_texts"]).await.out;
    assert!(out.contains("text 49\n") && out.contains("… 150 more records; --events lists all"), "{out}");
    // One is one.
    a_request_with_warnings(&server, "req_one", 1, |_| String::new()).await;
    assert!(trace(&server, &["req_one"]).await.out.contains("  WARN  shop slow answer\n"));
}

#[tokio::test]
async fn a_list_of_all_folds_only_what_is_equal_in_a_row() {
    let server = Server::start().await;
    a_request_with_warnings(&server, "req_equal", 1_000, |number| format!("half={}", number / 500)).await;
    let out = trace(&server, &["req_equal", "--events"]).await.out;
    assert_eq!(out.matches("× 500").count(), 4, "{out}");
    a_request_with_warnings(&server, "req_numbered", 1_000, |number| format!("n={number}")).await;
    let out = trace(&server, &["req_numbered", "--events"]).await.out;
    assert!(out.contains("n=500\n") && out.contains("n=999\n"), "{out}");
}

#[tokio::test]
async fn no_line_is_longer_than_the_width() {
    let server = Server::start().await;
    a_request_with_a_gap().send(&server).await;
    let long = "several words ".repeat(30) + &"x".repeat(200);
    let record = json!({"level": 50, "msg": long, "extra": format!("k=\"{long}\""),
        "err": {"type": "T", "msg": long, "stack": "", "file_path": "a/long/path.rs", "line_number": 3}});
    let mut story = Story::new("req_wide").tell(
        0,
        "日本語のサービス",
        "client-req",
        ["s0", ""],
        json!({"extra": "route=/x"}),
    );
    for depth in 1..40_usize {
        let ids = [format!("s{depth}"), format!("s{}", depth - 1)];
        story = story.tell(
            1,
            "服务",
            "client-req",
            ids.each_ref().map(String::as_str),
            json!({"extra": "route=/a/very/long/route/of/many/parts"}),
        );
    }
    story.tell(2, "服务", "trace", ["s20", ""], record).send(&server).await;
    for width in [40, 50, 60, 61, 80, 120] {
        for id in ["req_gap", "req_wide"] {
            let ran = trace(&server, &[id, "--events", "--width", &width.to_string()]).await;
            ran.ended(0, &[]);
            let widest = ran.out.lines().max_by_key(|line| line.width()).unwrap();
            assert!(widest.width() <= width, "{width}: {widest:?} has {}\n{}", widest.width(), ran.out);
        }
    }
    // Nothing is lost where a line goes on below.
    let out = trace(&server, &["req_wide", "--width", "60"]).await.out;
    let joined: String = out.split_whitespace().collect::<Vec<_>>().join("");
    assert!(joined.contains(&"x".repeat(200)) && joined.contains("(a/long/path.rs:3)"), "{out}");
    // Where nobody says a width, and no terminal does, a record is one line.
    let out = trace(&server, &["req_wide"]).await.out;
    assert!(
        out.lines().any(|line| line.contains("several words") && line.ends_with("(a/long/path.rs:3)")),
        "{out}"
    );
}
