//! `biz!` and `fatal!`.

use crate::json::{extra, one_written_by, read_any, written_by};
use log_center::testing::Capture;
use serde_json::{Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[test]
fn business_is_a_scope_of_its_own() {
    let records = written_by(|| {
        log_center::biz!(amount_cents = 1999, "order placed");
        let _request =
            tracing::info_span!("request", req_id = "r1", uid = 7, url = "/pay", route = "pay").entered();
        log_center::biz!(amount_cents = 5, "order placed");
    });
    let none = Value::Null;
    let of = |record: &Value| [record["scope"].clone(), record["event"].clone(), record["req_id"].clone()];
    assert_eq!(of(&records[0]), [json!("biz"), none.clone(), none.clone()]);
    assert_eq!(of(&records[1]), [json!("biz"), none, json!("r1")]);
    assert_eq!((&records[1]["uid"], &records[1]["d"]), (&json!("7"), &json!({"url": "/pay"})));
    assert_eq!(records[1]["extra"], "amount_cents=5 route=pay");
    assert!(records.iter().all(|record| record["level"] == 30 && record.get("err").is_none()));
}

#[test]
fn fatal_is_an_error_of_level_60() {
    let error = "x".parse::<u8>().unwrap_err();
    let record = one_written_by(|| {
        log_center::fatal!(error = &error as &dyn std::error::Error, port = 80, "nothing to listen on");
    });
    assert_eq!((&record["level"], &record["msg"]), (&json!(60), &json!("nothing to listen on")));
    assert_eq!((&record["err"]["type"], &record["extra"]), (&json!("ParseIntError"), &json!("port=80")));
    assert_eq!(record["err"]["file_path"], file!());
}

/// Every form that `tracing`'s own macros take.
#[test]
fn forms() {
    let (n, text) = (1, "t");
    let records = written_by(|| {
        let span = tracing::info_span!("s", in_span = 1);
        log_center::biz!("m");
        log_center::biz!("m",);
        log_center::biz!(n, "m");
        log_center::biz!(n, ?text, other = %text, "m");
        log_center::biz!(message = "m", n);
        log_center::biz!({ n }, "m");
        log_center::biz!(target: "t", n, "m");
        log_center::biz!(parent: &span, "m");
        log_center::biz!(target: "t", parent: &span, n, "m");
        log_center::fatal!("m");
        log_center::fatal!(target: "t", n, "m");
    });
    assert!(records.iter().all(|record| record["msg"] == "m"), "{records:?}");
    let keys: Vec<String> =
        records.iter().map(|record| extra(record).into_keys().collect::<Vec<_>>().join(" ")).collect();
    let expected = ["", "", "n", "n other text", "n", "n", "n", "in_span", "in_span n", "", "n"];
    assert_eq!(keys, expected);
}

#[test]
fn filters_see_info_and_error_and_the_target() {
    let written = |filter: Targets| {
        let capture = Capture::new();
        let built = log_center::layer("test").without_endpoint().writer(capture.clone()).build();
        let (layer, _guard) = built.unwrap();
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            log_center::biz!("a");
            log_center::biz!(target: "shop::orders", "b");
            log_center::fatal!("c");
        });
        let lines = capture.lines();
        lines.iter().map(|line| read_any(line)["msg"].as_str().unwrap().to_owned()).collect::<String>()
    };
    assert_eq!(written(Targets::new().with_default(LevelFilter::INFO)), "abc");
    assert_eq!(written(Targets::new().with_default(LevelFilter::WARN)), "c");
    assert_eq!(written(Targets::new().with_target("shop", LevelFilter::INFO)), "b");
}
