//! `extra` as an object.

use crate::json::{read_any, read_strictly};
use log_center::testing::{Capture, extra_of};
use log_center_wire::Record;
use serde_json::{Value, json};
use tracing::field::Empty;
use tracing_subscriber::prelude::*;

fn lines_of(program: impl FnOnce()) -> Vec<String> {
    let capture = Capture::new();
    let built =
        log_center::layer("test").extra_as_object().without_endpoint().writer(capture.clone()).build();
    let (layer, _guard) = built.unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    capture.lines()
}

fn records_of(program: impl FnOnce()) -> Vec<Value> {
    lines_of(program).iter().map(|line| read_strictly(line)).collect()
}

#[test]
fn values_have_their_types() {
    let records = records_of(|| {
        tracing::info!(
            text = "two \"words\"\n",
            n = -7,
            big = u64::MAX,
            huge = u128::MAX,
            small = i128::MIN,
            fits = 7_i128,
            ok = true,
            half = 0.5,
            nan = f64::NAN,
            inf = f64::NEG_INFINITY,
            bytes = &[1_u8, 255][..],
            debug = ?Some(1),
            number = %7,
            token = 7,
            "odd key\"=" = "",
            "m"
        );
    });
    let expected = json!({
        "text": "two \"words\"\n", "n": -7, "big": u64::MAX, "huge": u128::MAX.to_string(),
        "small": i128::MIN.to_string(), "fits": 7, "ok": true, "half": 0.5, "nan": "NaN", "inf": "-inf",
        "bytes": "01ff", "debug": "Some(1)", "number": "7", "token": "[redacted]", "odd_key__": ""
    });
    assert_eq!(records[0]["extra"], expected);
    let fields = extra_of(&records[0]);
    for (key, text) in [("bytes", "01ff"), ("n", "-7"), ("ok", "true"), ("half", "0.5"), ("nan", "NaN")] {
        assert!(fields.contains(&(key.to_owned(), text.to_owned())), "{key}: {fields:?}");
    }
}

#[test]
fn keys_come_once_and_the_last_wins() {
    let records = records_of(|| {
        let outer = tracing::info_span!("o", req_id = "r", k = "outer", only = 1, late = Empty).entered();
        let _inner = tracing::info_span!("i", k = "inner", m = 2).entered();
        tracing::info!(k = 1, k = 2, "m");
        outer.record("late", true);
        outer.record("only", 0.5);
        tracing::info!("m");
        tracing::error!(error = "broken", "m");
    });
    assert_eq!(records[0]["extra"], json!({"k": 2, "m": 2, "only": 1}));
    assert_eq!(records[1]["extra"], json!({"k": "inner", "m": 2, "late": true, "only": 0.5}));
    assert_eq!((&records[2]["err"]["msg"], &records[2]["req_id"]), (&json!("broken"), &json!("r")));
    let bare = records_of(|| tracing::info!("m"));
    assert!(bare[0].get("extra").is_none());
}

#[test]
fn limits_keep_it_valid() {
    let huge = "\"\u{1}é".repeat(1 << 14);
    let records = records_of(|| {
        let (a, b, c, d, e) = (&huge, &huge, &huge, &huge, &huge);
        let _span = tracing::info_span!("s", n = 1).entered();
        tracing::info!(a, b, c, d, e, "m");
    });
    let extra = records[0]["extra"].as_object().unwrap();
    assert!(extra["a"].as_str().unwrap().ends_with('…'));
    assert!(extra["fields_dropped"].as_u64().unwrap() > 0, "{:?}", extra.keys());
}

#[test]
fn the_server_keeps_the_text() {
    let program = || {
        let _span = tracing::info_span!("s", route = "/a b", ok = true).entered();
        tracing::info!(n = 7, note = "two \"left\"\n", half = 0.5, "m");
    };
    let lines = lines_of(program);
    let record = Record::decode(lines[0].as_bytes()).unwrap();
    assert_eq!(record.extra, r#"n=7 note="two \"left\"\n" half=0.5 route="/a b" ok=true"#);
    assert_eq!(record.attributes, "");
}

#[test]
fn reports_are_of_the_same_form() {
    let n = std::hint::black_box(7);
    let records = records_of(|| tracing::info!("n is {n}"));
    assert_eq!(records[1]["msg"], "message has data in it");
    assert_eq!(records[1]["extra"]["file"], file!());
    assert!(records[1]["extra"]["line"].is_u64());
}

#[test]
fn two_forms_side_by_side() {
    let (text, object) = (Capture::new(), Capture::new());
    let build = |capture: &Capture| log_center::layer("test").without_endpoint().writer(capture.clone());
    let (first, _first) = build(&text).build().unwrap();
    let (second, _second) = build(&object).extra_as_object().build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(first).with(second), || {
        let _span = tracing::info_span!("s", x = 1).entered();
        tracing::info!(y = "z", "m");
    });
    assert_eq!(read_any(&text.lines()[0])["extra"], "y=z x=1");
    assert_eq!(read_strictly(&object.lines()[0])["extra"], json!({"y": "z", "x": 1}));
}
