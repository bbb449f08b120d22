//! The cases in which other layers write a wrong line, each by its name.

use crate::backend::{Act, Backend};
use crate::child;
use crate::json::{extra, read};
use log_center::testing::Capture;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tracing::field::Empty;
use tracing_subscriber::prelude::*;

/// Runs a program under the layer as the subscriber of the whole process, which is this test's own: a scoped one has
/// a guard of tracing's against much of what goes wrong here.
#[track_caller]
fn written_by(program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let builder = log_center::layer("test").without_endpoint().trace(true).backtraces(false);
    let built = builder.report_formatted_messages(false).writer(capture.clone()).build();
    let (layer, _guard) = built.unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    program();
    capture.lines().iter().map(|line| read(line)).collect()
}

/// The same for a program that writes one line.
#[track_caller]
fn one_written_by(program: impl FnOnce()) -> Value {
    let mut records = written_by(program);
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a ")?;
        panic!("in Debug")
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Display")
    }
}

impl Error for Panics {}

#[test]
fn a_panicking_debug_leaves_no_trace() {
    child::in_own_process("peers::a_panicking_debug_leaves_no_trace", || {
        let records = written_by(|| {
            let _span = tracing::info_span!("s", inside = ?Panics).entered();
            tracing::info!(value = ?Panics, after = 1, "first");
            tracing::error!(error = &Panics as &dyn Error, "second");
            tracing::info!("{Panics}");
            tracing::info!("last");
        });
        let half = "half a <panicked>".to_owned();
        assert_eq!(extra(&records[0])["value"], half);
        assert_eq!(extra(&records[0])["after"], "1");
        assert_eq!(records[1]["err"]["msg"], "<panicked>");
        assert_eq!(records[2]["msg"], "<panicked>");
        assert_eq!(records[3]["msg"], "last");
        assert_eq!(extra(&records[3]), [("inside".to_owned(), half)].into());
    });
}

#[test]
fn explicit_parents_are_right() {
    child::in_own_process("peers::explicit_parents_are_right", || {
        let records = written_by(|| {
            let other = tracing::info_span!("other", of = "other");
            let _current = tracing::info_span!("current", of = "current").entered();
            tracing::info!(parent: None, "a");
            tracing::info!(parent: &other, "b");
            tracing::info!("c");
            let orphan = tracing::info_span!(parent: None, "orphan", own = 1);
            orphan.in_scope(|| tracing::info!("d"));
            let adopted = tracing::info_span!(parent: &other, "adopted", own = 2);
            adopted.in_scope(|| tracing::info!("e"));
        });
        let extras: Vec<&Value> = records.iter().map(|record| &record["extra"]).collect();
        assert_eq!(
            extras,
            [
                &Value::Null,
                &json!("of=other"),
                &json!("of=current"),
                &json!("own=1"),
                &json!("own=2 of=other")
            ]
        );
    });
}

#[test]
fn a_late_record_is_seen_by_open_children() {
    child::in_own_process("peers::a_late_record_is_seen_by_open_children", || {
        let records = written_by(|| {
            let outer = tracing::info_span!("outer", req_id = "r", uid = Empty, stage = "begin");
            let inner = tracing::info_span!(parent: &outer, "inner", x = 1);
            inner.in_scope(|| tracing::info!("a"));
            outer.record("uid", "7");
            outer.record("stage", "later stage");
            inner.in_scope(|| tracing::info!("b"));
        });
        assert_eq!((&records[0]["uid"], &records[0]["extra"]), (&Value::Null, &json!("x=1 stage=begin")));
        assert_eq!(
            (&records[1]["uid"], &records[1]["extra"]),
            (&json!("7"), &json!("x=1 stage=\"later stage\""))
        );
    });
}

#[test]
fn a_million_records_take_the_room_of_one() {
    child::in_own_process("peers::a_million_records_take_the_room_of_one", || {
        let record = one_written_by(|| {
            let span = tracing::info_span!("s", req_id = Empty, n = Empty, text = Empty);
            let _entered = span.enter();
            for n in 0..1_000_000_u32 {
                span.record("n", n);
                if n % 1000 == 0 {
                    span.record("text", "x".repeat(n as usize / 1000));
                    span.record("req_id", n);
                }
            }
            tracing::info!("m");
        });
        assert_eq!(record["req_id"], "999000");
        assert_eq!(extra(&record)["n"], "999999");
        assert_eq!(extra(&record)["text"].len(), 999);
    });
}

#[test]
fn no_key_comes_twice_and_the_last_wins() {
    child::in_own_process("peers::no_key_comes_twice_and_the_last_wins", || {
        // The strict reader has refused the line if a key came twice.
        let records = written_by(|| {
            let _outer = tracing::info_span!("o", k = "outer", only_outer = 1, req_id = "outer", level = "o")
                .entered();
            let _inner =
                tracing::info_span!("i", k = "inner", m = "inner", req_id = "inner", "a b" = 1).entered();
            tracing::info!(k = "event", m = "first", m = "last", "a_b" = 2, "one");
            tracing::info!("two");
            tracing::error!(
                v = 9,
                level = "l",
                name = "n",
                hostname = "h",
                pid = 1,
                time = "t",
                msg = "m",
                scope = "s",
                event = "e",
                extra = "x",
                req_id = "r",
                uid = "u",
                d = "d",
                tm = 1,
                event_id = "i",
                r#type = "t",
                environment = "e",
                "three"
            );
        });
        let one = extra(&records[0]);
        assert_eq!((one["k"].as_str(), one["m"].as_str(), one["a_b"].as_str()), ("event", "last", "2"));
        assert_eq!((one["only_outer"].as_str(), one["level"].as_str()), ("1", "o"));
        assert_eq!(records[0]["req_id"], "inner");
        assert_eq!((extra(&records[1])["k"].as_str(), extra(&records[1])["m"].as_str()), ("inner", "inner"));
        let three = extra(&records[2]);
        assert_eq!((&records[2]["level"], &records[2]["msg"]), (&json!(50), &json!("three")));
        assert_eq!(
            (three["level"].as_str(), three["type"].as_str(), three["req_id"].as_str()),
            ("l", "t", "r")
        );
    });
}

/// An error with another one below it.
#[derive(Debug)]
struct Failed(&'static str, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn the_error_chain_is_kept() {
    child::in_own_process("peers::the_error_chain_is_kept", || {
        let low = Failed("line \"cut\"", None);
        let error = Failed("no order", Some(Box::new(Failed("no bank", Some(Box::new(low))))));
        let records = written_by(|| {
            tracing::error!(error = &error as &dyn Error, "in an event");
            #[tracing::instrument(err)]
            fn fails() -> Result<(), Failed> {
                Err(Failed("instrumented", None))
            }
            let _ = fails();
        });
        let err = &records[0]["err"];
        assert_eq!((&err["type"], &err["msg"]), (&json!("Failed"), &json!("no order")));
        let stack = err["stack"].as_str().unwrap();
        let expected = "Failed: no order\nCaused by: no bank\nCaused by: line \"cut\"\n    at ";
        assert!(stack.starts_with(expected), "{stack}");
        assert_eq!(records[1]["err"]["msg"], "instrumented");
    });
}

#[test]
fn every_kind_of_value_is_valid() {
    child::in_own_process("peers::every_kind_of_value_is_valid", || {
        let record = one_written_by(|| {
            tracing::info!(
                a = u128::MAX,
                b = i128::MIN,
                c = &[0_u8, 255, 10][..],
                d = f64::NAN,
                e = f64::INFINITY,
                f = f64::NEG_INFINITY,
                g = -0.1,
                h = u64::MAX,
                i = 1e300,
                "m"
            );
        });
        let extra = extra(&record);
        let values: Vec<&str> = extra.values().map(String::as_str).collect();
        let (max, min) = (u128::MAX.to_string(), i128::MIN.to_string());
        let most = u64::MAX.to_string();
        assert_eq!(values, [max.as_str(), &min, "00ff0a", "NaN", "inf", "-inf", "-0.1", &most, "1e+300"]);
    });
}

#[test]
fn span_names_and_levels_never_leak_into_msg() {
    child::in_own_process("peers::span_names_and_levels_never_leak_into_msg", || {
        let record = one_written_by(|| {
            let _span = tracing::error_span!("very_special_span").entered();
            tracing::info!("plain text");
        });
        assert_eq!(record["msg"], "plain text");
        assert!(!record.to_string().contains("very_special_span"));
    });
}

/// A `Debug` that logs what it is given, and itself.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = tracing::info_span!("in_debug", inside = ?Logs2);
        let _entered = span.enter();
        span.record("inside", "recorded");
        tracing::info!(again = ?Logs, "from Debug");
        f.write_str("logged")
    }
}

struct Logs2;

impl fmt::Debug for Logs2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!("from a span's Debug");
        f.write_str("logged too")
    }
}

#[test]
fn a_debug_that_logs_neither_recurses_nor_hangs() {
    child::in_own_process("peers::a_debug_that_logs_neither_recurses_nor_hangs", || {
        let capture = Capture::new();
        let (layer, guard) =
            log_center::layer("test").without_endpoint().writer(capture.clone()).build().unwrap();
        // The global one: a scoped one has a guard against re-entry in tracing itself.
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        let span = tracing::info_span!("outer", of = ?Logs, late = Empty);
        let _entered = span.enter();
        tracing::info!(value = ?Logs, "from outside");
        span.record("late", tracing::field::debug(Logs));
        tracing::info!("end");
        let records: Vec<Value> = capture.lines().iter().map(|line| read(line)).collect();
        let outside = records.iter().find(|record| record["msg"] == "from outside").unwrap();
        assert_eq!((extra(outside)["value"].as_str(), extra(outside)["of"].as_str()), ("logged", "logged"));
        let inside = records.iter().find(|record| record["msg"] == "from Debug").unwrap();
        assert_eq!(extra(inside)["again"], "logged");
        let end = records.last().unwrap();
        assert_eq!((&end["msg"], extra(end)["late"].as_str()), (&json!("end"), "logged"));
        let counts = guard.counts();
        assert_eq!(counts.written, records.len() as u64);
        assert!(counts.nested > 0);
        assert!(records.len() < 10, "one event deep, not {}", records.len());
    });
}

#[test]
fn the_forwarder_does_not_log_into_itself() {
    child::in_own_process("peers::the_forwarder_does_not_log_into_itself", || {
        // The HTTP client logs by the `log` crate, at TRACE and DEBUG.
        tracing_log::LogTracer::init().unwrap();
        let backend = Backend::start(&[Act::Answer(500, "", "")]);
        let capture = Capture::new();
        let built =
            log_center::layer("test").endpoint(backend.url()).trace(true).writer(capture.clone()).build();
        let (layer, guard) = built.unwrap();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        tracing::error!("the one event");
        assert!(guard.flush(Duration::from_secs(30)));
        assert_eq!(backend.requests().len(), 2);
        assert_eq!(capture.lines().len(), 1, "{:?}", capture.lines());
    });
}

/// A writer that logs while its own line is being written.
struct LoggingWriter(std::sync::Mutex<Vec<u8>>);

impl std::io::Write for &LoggingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = self.0.lock().unwrap();
        tracing::error!("from the writer");
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_logs_does_not_hang() {
    child::in_own_process("peers::a_writer_that_logs_does_not_hang", || {
        let writer = std::sync::Arc::new(LoggingWriter(Default::default()));
        let (layer, guard) = log_center::layer("test")
            .without_endpoint()
            .writer(std::sync::Arc::clone(&writer))
            .build()
            .unwrap();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        tracing::info!("a");
        tracing::info!("b");
        let text = String::from_utf8(writer.0.lock().unwrap().clone()).unwrap();
        let messages: Vec<Value> = text.lines().map(|line| read(line)["msg"].clone()).collect();
        assert_eq!(messages, ["a", "b"]);
        assert_eq!(guard.counts().nested, 2);
    });
}

#[test]
fn a_failing_or_panicking_writer_is_counted() {
    struct Bad;
    impl std::io::Write for Bad {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            assert!(!bytes.windows(5).any(|window| window == b"panic"), "told to");
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (layer, guard) = log_center::layer("test").without_endpoint().writer(|| Bad).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!("fail");
        tracing::info!("panic");
    });
    assert_eq!((guard.counts().written, guard.counts().unwritten), (0, 2));
}
