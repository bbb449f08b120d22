//! Errors whose words have several lines, and backtraces.

use crate::child;
use crate::json::{extra, one_written_by, read, written_by};
use anyhow::Context;
use log_center::testing::Capture;
use serde_json::{Value, json};
use std::backtrace::Backtrace;
use std::error::Error;
use tracing_subscriber::prelude::*;

/// Without a backtrace of its own, whatever the environment says.
fn words(error: &anyhow::Error) -> String {
    let words = format!("{error:?}");
    words.split("\n\nStack backtrace:").next().unwrap_or_default().to_owned()
}

fn chain() -> anyhow::Error {
    let low = "x".parse::<u8>().context("no amount").context("no order");
    low.unwrap_err()
}

/// Type, message and stack without the place, which is checked to be the event's.
#[track_caller]
fn check(expected: [&str; 3], program: impl FnOnce()) {
    let record = one_written_by(program);
    let err = &record["err"];
    assert_eq!((&err["type"], &err["msg"]), (&json!(expected[0]), &json!(expected[1])), "{record}");
    let place = format!("\n    at {}:{}", file!(), err["line_number"]);
    assert_eq!(err["stack"].as_str().unwrap().replacen(&place, "\n@", 1), expected[2]);
    assert_eq!(extra(&record).len(), 0, "{record}");
}

#[test]
fn errors_of_anyhow() {
    let parse = "invalid digit found in string";
    let stack = format!("Error: no order\nCaused by: no amount\nCaused by: {parse}\n@");
    check(["Error", "no order", &stack], || tracing::error!(error = %words(&chain()), "m"));
    let one = "x".parse::<u8>().context("Declined").unwrap_err();
    let stack = format!("Error: Declined\nCaused by: {parse}\n@");
    check(["Error", "Declined", &stack], || tracing::error!(err = %words(&one), "m"));
    check(["Error", "no order", "Error: no order\n@"], || tracing::error!(error = %chain(), "m"));
    let stack = format!("ContextError: no order\nCaused by: no amount\nCaused by: {parse}\n@");
    let chain = chain();
    let record = one_written_by(|| tracing::error!(error = AsRef::<dyn Error>::as_ref(&chain), "m"));
    let told = record["err"]["stack"].as_str().unwrap();
    assert!(told.contains("Caused by: no amount\nCaused by: invalid digit"), "{told} {stack}");
}

#[test]
fn words_of_several_lines() {
    let eyre = "no order\n\nCaused by:\n   0: no amount\n      of any kind\n   1: a digit\n\nLocation:\n    src/main.rs:5:6";
    let stack = "Error: no order\nCaused by: no amount\nCaused by: of any kind\nCaused by: a digit\n@\nLocation:\n    src/main.rs:5:6";
    check(["Error", "no order", stack], || tracing::error!(error = %eyre, "m"));
    let toml = "TOML parse error at line 1\n  |\n1 | a = \n  |     ^\n";
    let stack = "Error: TOML parse error at line 1\n@\n  |\n1 | a =\n  |     ^";
    check(["Error", "TOML parse error at line 1", stack], || tracing::error!(error = %toml, "m"));
    check(["Error", "", "Error: \n@"], || tracing::error!(error = "", "m"));
    check(["Error", "\n", "Error: \n\n@"], || tracing::error!(error = "\n", "m"));
}

#[test]
fn instrumented_functions() {
    #[tracing::instrument(err)]
    fn displayed() -> anyhow::Result<()> {
        Err(chain())
    }
    #[tracing::instrument(err(Debug))]
    fn debugged() -> anyhow::Result<()> {
        Err(chain())
    }
    let records = written_by(|| {
        let _ = displayed();
        let _ = debugged();
    });
    assert!(records.iter().all(|record| record["err"]["msg"] == "no order" && record["msg"] == "error"));
    assert!(records[1]["err"]["stack"].as_str().unwrap().contains("\nCaused by: no amount\n"));
}

#[test]
fn a_backtrace_in_a_field() {
    let text = "   0: shop::pay\n             at ./src/pay.rs:7:5\n   1: shop::main\n";
    let stack = "Error: m\n@\n   0: shop::pay\n             at ./src/pay.rs:7:5\n   1: shop::main";
    check(["Error", "m", stack], || tracing::error!(backtrace = %text, "m"));
    let stack = "Timeout: Timeout\n@\n   0: shop::pay\n             at ./src/pay.rs:7:5\n   1: shop::main";
    check(["Timeout", "Timeout", stack], || tracing::error!(backtrace = %text, error = "Timeout", "m"));
    check(["Error", "m", "Error: m\n@"], || tracing::error!(backtrace = ?Backtrace::disabled(), "m"));
    check(["Error", "m", "Error: m\n@"], || tracing::error!(backtrace = %Backtrace::disabled(), "m"));
    let record = one_written_by(|| tracing::info!(backtrace = "b", "m"));
    assert_eq!(record["extra"], "backtrace=b");
    // However it is formatted, the frames are there.
    let taken = Backtrace::force_capture();
    for record in written_by(|| {
        tracing::error!(backtrace = %taken, "m");
        tracing::error!(backtrace = ?taken, "m");
    }) {
        let stack = record["err"]["stack"].as_str().unwrap();
        assert!(stack.contains("a_backtrace_in_a_field") && stack.contains(file!()), "{stack}");
        assert!(stack.lines().any(|line| line.trim_start().starts_with("0: ")), "{stack}");
    }
}

/// Runs a test in a process with `RUST_BACKTRACE`.
#[track_caller]
fn with_backtraces(test: &str, body: impl FnOnce()) {
    if child::is_for(test) {
        body();
        std::process::exit(child::EXIT_RAN);
    }
    let mut command = child::command(test);
    let status = child::wait(&mut command.env("RUST_BACKTRACE", "1").spawn().unwrap());
    assert_eq!(status.code(), Some(child::EXIT_RAN), "the child failed");
}

#[inline(never)]
fn fails_here() {
    tracing::error!(error = "broken", "m");
    // Not a tail call: this frame is to be seen.
    std::hint::black_box(());
}

#[test]
fn backtraces_are_taken_where_asked_for() {
    with_backtraces("errors::backtraces_are_taken_where_asked_for", || {
        let capture = Capture::new();
        let (layer, _guard) = log_center::layer("test")
            .without_endpoint()
            .backtraces(true)
            .writer(capture.clone())
            .build()
            .unwrap();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        fails_here();
        // Has its own.
        tracing::error!(error = ?chain(), "m");
        tracing::warn!(error = "none", "m");
        let records: Vec<Value> = capture.lines().iter().map(|line| read(line)).collect();
        let stack = records[0]["err"]["stack"].as_str().unwrap();
        assert!(stack.starts_with("Error: broken\n    at "), "{stack}");
        let first = stack.lines().nth(2).unwrap();
        assert!(first.contains("fails_here"), "{stack}");
        assert!(!stack.contains("log_center::") && !stack.contains("tracing_core::"), "{stack}");
        let own = records[1]["err"]["stack"].as_str().unwrap();
        assert_eq!(own.matches("Stack backtrace:").count(), 1, "{own}");
        assert!(own.contains("errors::chain"), "{own}");
        assert!(records[2].get("err").is_none());
    });
}

#[test]
fn backtraces_are_off_by_default() {
    with_backtraces("errors::backtraces_are_off_by_default", || {
        let capture = Capture::new();
        let built = log_center::layer("test").without_endpoint().writer(capture.clone()).build();
        let (layer, _guard) = built.unwrap();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        fails_here();
        assert_eq!(read(&capture.lines()[0])["err"]["stack"].as_str().unwrap().lines().count(), 2);
    });
}

#[test]
fn a_huge_backtrace_is_cut() {
    let text = "   1: frame\n".repeat(1 << 16);
    let record = one_written_by(|| tracing::error!(backtrace = %text, "m"));
    let stack = record["err"]["stack"].as_str().unwrap();
    assert!(stack.ends_with('…') && stack.len() < log_center::limits::ERROR_STACK_BYTES + 1024);
}
