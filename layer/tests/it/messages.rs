//! Messages that have data in them, and what is said of it.

use crate::json::{extra, read_any};
use log_center::testing::Capture;
use serde_json::Value;
use tracing_subscriber::prelude::*;

/// The records of a program whose messages are watched.
fn written_by(program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let (layer, _guard) =
        log_center::layer("test").without_endpoint().writer(capture.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    capture.lines().iter().map(|line| read_any(line)).collect()
}

#[track_caller]
fn check(expected: &[&str], program: impl FnOnce()) {
    let records = written_by(program);
    let messages: Vec<&str> = records.iter().map(|record| record["msg"].as_str().unwrap()).collect();
    assert_eq!(messages, expected);
}

const REPORT: &str = "message has data in it";

#[test]
fn data_in_a_message_is_reported_once() {
    let line = line!() + 3;
    let records = written_by(|| {
        for user in ["alice", "bob", "eve"] {
            tracing::info!(n = 1, "user {user} logged in");
        }
    });
    let messages: Vec<&Value> = records.iter().map(|record| &record["msg"]).collect();
    assert_eq!(messages, ["user alice logged in", REPORT, "user bob logged in", "user eve logged in"]);
    let report = &records[1];
    assert_eq!((&report["level"], &report["scope"]), (&Value::from(40), &Value::from("desc")));
    let fields = extra(report);
    assert_eq!((fields["file"].as_str(), &fields["line"]), (file!(), &line.to_string()));
    assert_eq!(fields["instead"], "info!(order = id, \"order placed\")");
}

#[test]
fn a_text_that_changes_is_data() {
    let texts = ["first".to_owned(), "second".to_owned(), "third".to_owned()];
    check(&["first", "second", REPORT, "third"], || {
        for text in &texts {
            tracing::info!("{text}");
        }
    });
    check(&["first", "second", REPORT, "third"], || {
        for text in &texts {
            tracing::info!(message = text.as_str(), n = 1);
        }
    });
}

#[test]
fn constant_texts_are_not_reported() {
    const NAME: &str = "login";
    check(&["a {} \"quoted\"", "a", "login 5", "login", "same", "same"], || {
        tracing::info!("a {{}} \"quoted\"");
        tracing::info!(user = 7, "a");
        tracing::info!("login {}", 5);
        tracing::info!("{NAME}");
        for text in ["same".to_owned(), "same".to_owned()] {
            tracing::info!("{text}");
        }
    });
}

#[test]
fn each_callsite_speaks_for_itself() {
    let n = std::hint::black_box(7);
    check(&["a 7", REPORT, "b 7", REPORT], || {
        tracing::info!("a {n}");
        tracing::debug!("b {n}");
    });
}
