//! Panics as records: told once, with their own file and line, by whoever knows the most of them.

use crate::child::in_own_process;
use crate::json::{extra, read_any};
use crate::service::{ask, get};
use axum::Router;
use axum::routing::get as on_get;
use futures_util::FutureExt;
use log_center::request::RequestLayer;
use log_center::testing::Capture;
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use tracing_subscriber::prelude::*;

/// Installs a layer that tells of panics, runs the program, and gives what was written.
fn told_by(program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let builder = log_center::layer("panics").without_endpoint().writer(capture.clone());
    let (layer, _guard) = builder.panic_hook(true).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    capture.lines().iter().map(|line| read_any(line)).collect()
}

fn messages(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["msg"].as_str().unwrap()).collect()
}

/// That the record is of a panic in this file, at the line that has this text.
#[track_caller]
fn assert_at(record: &Value, words: &str, source: &str) {
    let err = &record["err"];
    assert_eq!((&err["type"], &err["msg"]), (&"panic".into(), &words.into()));
    assert_eq!(err["file_path"], file!());
    let line = include_str!("panics.rs").lines().position(|line| line.contains(source)).unwrap() + 1;
    assert_eq!(err["line_number"], line);
    let stack = err["stack"].as_str().unwrap();
    assert!(stack.starts_with(&format!("panic: {words}\n    at {}:{line}", file!())), "{stack}");
}

/// Runs a program that catches its own panic.
fn caught(program: impl FnOnce()) {
    catch_unwind(AssertUnwindSafe(program)).unwrap_err();
}

#[test]
fn a_panic_is_an_error_whatever_it_carries() {
    in_own_process("panics::a_panic_is_an_error_whatever_it_carries", || {
        let records = told_by(|| {
            caught(|| panic!("a text"));
            caught(|| panic!("a text with {}", "data"));
            caught(|| std::panic::panic_any(7));
        });
        assert_eq!(messages(&records), ["panic"; 3]);
        assert_at(&records[0], "a text", r#"panic!("a text")"#);
        assert_at(&records[1], "a text with data", r#"panic!("a text with {}""#);
        assert_at(&records[2], "panic", "panic_any(7)");
        assert!(records.iter().all(|record| record["level"] == 50 && record["scope"] == "desc"));
        assert_ne!(records[0]["event_id"], records[1]["event_id"]);
    });
}

#[test]
fn a_panic_belongs_to_the_request_of_its_span() {
    in_own_process("panics::a_panic_belongs_to_the_request_of_its_span", || {
        let records = told_by(|| {
            let request = tracing::error_span!("request", req_id = "req_1", shelf = 3);
            request.in_scope(|| caught(|| panic!("in the request")));
        });
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((&record["scope"], &record["req_id"]), (&"visit".into(), &"req_1".into()));
        assert_eq!(extra(record)["shelf"], "3");
        assert_at(record, "in the request", r#"panic!("in the request")"#);
    });
}

fn service() -> Router {
    let recovers = async || {
        caught(|| panic!("caught in the handler"));
        tracing::info!("went on");
    };
    Router::new()
        .route("/panic", on_get(async || -> &'static str { panic!("ends the request") }))
        .route("/recovers", on_get(recovers))
        .layer(RequestLayer::new())
}

#[test]
fn a_request_tells_its_panic_itself() {
    in_own_process("panics::a_request_tells_its_panic_itself", || {
        let records = told_by(|| {
            let answer = AssertUnwindSafe(ask(service(), get("/panic"))).catch_unwind();
            answer.now_or_never().unwrap().unwrap_err();
        });
        assert_eq!(messages(&records), ["request received", "request panicked"]);
        assert_at(&records[1], "ends the request", r#"panic!("ends the request")"#);
        assert_eq!(records[1]["event"], "client-res");
    });
}

#[test]
fn a_request_within_another_tells_the_same_panic() {
    in_own_process("panics::a_request_within_another_tells_the_same_panic", || {
        let records = told_by(|| {
            let twice = service().layer(RequestLayer::new());
            let answer = AssertUnwindSafe(ask(twice, get("/panic"))).catch_unwind();
            answer.now_or_never().unwrap().unwrap_err();
        });
        let told: Vec<_> = records.iter().filter(|record| record["level"] == 50).collect();
        assert_eq!(told.len(), 2);
        for record in &told {
            assert_at(record, "ends the request", r#"panic!("ends the request")"#);
        }
        assert_eq!(told[0]["event_id"], told[1]["event_id"], "one occurrence");
    });
}

#[test]
fn a_panic_that_the_handler_catches_is_told_all_the_same() {
    in_own_process("panics::a_panic_that_the_handler_catches_is_told_all_the_same", || {
        let records = told_by(|| {
            ask(service(), get("/recovers")).now_or_never().unwrap();
        });
        let told = ["request received", "went on", "panic", "request answered"];
        assert_eq!(messages(&records), told);
        assert_eq!(records[2]["req_id"], records[0]["req_id"]);
        assert_at(&records[2], "caught in the handler", r#"panic!("caught in the handler")"#);
    });
}

struct Broken;

impl fmt::Debug for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no debug")
    }
}

#[test]
fn a_panic_within_the_layer_is_not_told() {
    in_own_process("panics::a_panic_within_the_layer_is_not_told", || {
        let records = told_by(|| tracing::info!(value = ?Broken, "formats"));
        assert_eq!(messages(&records), ["formats"]);
        assert_eq!(extra(&records[0])["value"], "<panicked>");
    });
}

/// A writer that panics while it holds its lock.
#[derive(Clone, Default)]
struct Fragile(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        panic!("no writer")
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_panics_ends_nothing() {
    in_own_process("panics::a_writer_that_panics_ends_nothing", || {
        let writer = Fragile::default();
        let make = writer.clone();
        let builder = log_center::layer("panics").without_endpoint().writer(move || make.clone());
        let (layer, guard) = builder.panic_hook(true).build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("meets the writer");
            // A panic in the hook would end the process.
            caught(|| panic!("meets the writer from the hook"));
        });
        let counts = guard.counts();
        assert_eq!((counts.written, counts.unwritten), (0, 2));
        let lines = writer.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lines = String::from_utf8_lossy(&lines);
        assert_eq!(lines.lines().count(), 2, "{lines}");
    });
}

/// A layer that panics while it holds the lock on the data of the span that it is in.
struct Clumsy;

impl<S> tracing_subscriber::Layer<S> for Clumsy
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_event(&self, _: &tracing::Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
        let span = context.lookup_current().unwrap();
        let _held = span.extensions_mut();
        panic!("with a lock held")
    }
}

#[test]
fn a_panic_under_a_lock_of_the_registry_hangs_nothing() {
    in_own_process("panics::a_panic_under_a_lock_of_the_registry_hangs_nothing", || {
        let capture = Capture::new();
        let builder = log_center::layer("panics").without_endpoint().writer(capture.clone());
        let (layer, _guard) = builder.panic_hook(true).build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer).with(Clumsy);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        thread::spawn(|| {
            let span = tracing::info_span!("request", req_id = "req_1");
            span.in_scope(|| tracing::info!("meets the layer"));
        })
        .join()
        .unwrap_err();
        // The hook gave up on the request; whether its thread has found it since then is of no matter.
        assert!(capture.lines().iter().any(|line| line.contains("meets the layer")));
    });
}

#[test]
fn the_hook_before_is_called_after() {
    in_own_process("panics::the_hook_before_is_called_after", || {
        let capture = Capture::new();
        let before = capture.clone();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::panic::set_hook(Box::new(move |_| notes.lock().unwrap().push(before.lines().len())));
        for _ in 0..2 {
            let builder = log_center::layer("panics").without_endpoint().writer(capture.clone());
            let (_layer, _guard) = builder.panic_hook(true).build().unwrap();
            caught(|| panic!("seen by both"));
        }
        // A layer that is gone tells nothing more.
        caught(|| panic!("seen by one"));
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen, [1, 2, 2]);
    });
}

#[test]
fn a_panic_past_the_guard_is_fatal() {
    in_own_process("panics::a_panic_past_the_guard_is_fatal", || {
        let capture = Capture::new();
        let builder = || log_center::layer("panics").without_endpoint().writer(capture.clone());
        caught(|| {
            let (_layer, _guard) = builder().panic_hook(true).build().unwrap();
            panic!("past the guard")
        });
        let records: Vec<_> = capture.lines().iter().map(|line| read_any(line)).collect();
        assert_eq!(messages(&records), ["panic", "panic ends the process"]);
        assert_eq!((&records[0]["level"], &records[1]["level"]), (&50.into(), &60.into()));
        assert_eq!(records[0]["event_id"], records[1]["event_id"]);
        assert_eq!(records[0]["err"], records[1]["err"]);

        // A payload from another thread meets no hook on its way through this one.
        capture.clear();
        caught(|| {
            let (_layer, _guard) = builder().panic_hook(true).build().unwrap();
            let payload = thread::spawn(|| panic!("elsewhere")).join().unwrap_err();
            std::panic::resume_unwind(payload)
        });
        let records: Vec<_> = capture.lines().iter().map(|line| read_any(line)).collect();
        assert_eq!(messages(&records), ["panic", "panic ends the process"]);
        assert_eq!(records[0]["event_id"], records[1]["event_id"]);

        // Not asked for, not told.
        capture.clear();
        caught(|| {
            let (_layer, _guard) = builder().build().unwrap();
            panic!("nobody's business")
        });
        assert_eq!(capture.lines().len(), 0);
    });
}
