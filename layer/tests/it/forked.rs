//! Forked children: their own process id, their own connection, and nothing of their parent's a second time.

use crate::backend::Backend;
use crate::child::{self, EXIT_RAN};
use crate::json::{extra, read};
use fork::{Fork, fork, waitpid};
use log_center::Guard;
use serde_json::Value;
use std::io::Read;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing_subscriber::prelude::*;

/// Says to the process under test where the server is.
const URL: &str = "LOG_CENTER_TEST_URL";

/// Says to it that it is to batch its lines.
const BATCHED: &str = "LOG_CENTER_TEST_BATCHED";

fn install() -> Guard {
    let builder = log_center::layer("forks").endpoint(std::env::var(URL).unwrap());
    let builder = builder.panic_hook(true).flush_timeout(Duration::from_secs(20));
    let builder = if std::env::var_os(BATCHED).is_some() { builder.batched_stdout() } else { builder };
    let (layer, guard) = builder.build().unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    guard
}

/// Forks. The child does its part and ends; its process id, once it has.
fn in_child(part: impl FnOnce()) -> i32 {
    // What a child logs in the millisecond of its parent's last line is not promised.
    let millis = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let before = millis();
    while millis() == before {
        std::thread::yield_now();
    }
    match fork().unwrap() {
        Fork::Child => {
            part();
            std::process::exit(0)
        }
        Fork::Parent(pid) => {
            assert_eq!(waitpid(pid).unwrap(), 0, "the child failed");
            pid
        }
    }
}

/// Runs a test's process; what it wrote, and what the server has.
#[track_caller]
fn run(test: &str, batched: bool) -> (Vec<Value>, Vec<Value>) {
    let backend = Backend::start(&[]);
    let mut command = child::command(test);
    command.env(URL, backend.url()).stdout(Stdio::piped());
    if batched {
        command.env(BATCHED, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child::wait(&mut child).code(), Some(EXIT_RAN));
    let written = text.lines().filter(|line| line.starts_with('{')).map(read).collect();
    (written, backend.lines().iter().map(|line| read(line)).collect())
}

/// The messages, each of which was logged once, in order.
fn messages(records: &[Value]) -> Vec<&str> {
    let mut messages: Vec<_> = records.iter().map(|record| record["msg"].as_str().unwrap()).collect();
    messages.sort_unstable();
    messages
}

fn one<'a>(records: &'a [Value], message: &str) -> &'a Value {
    records.iter().find(|record| record["msg"] == message).unwrap()
}

#[test]
fn a_child_logs_on_its_own() {
    const TEST: &str = "forked::a_child_logs_on_its_own";
    if child::is_for(TEST) {
        let guard = install();
        tracing::error!("parent's first error");
        tracing::info!("parent's first line");
        let mut guard = Some(guard);
        let pid = in_child(|| {
            tracing::info!("child's first line");
            tracing::error!("child's error");
            tracing::info!("child's last line");
            let guard = guard.take().unwrap();
            assert!(guard.flush(Duration::from_secs(20)));
            assert_eq!((guard.counts().written, guard.counts().accepted), (3, 1));
            drop(guard);
            tracing::error!("after the guard");
        });
        tracing::info!(pid, "parent's last line");
        tracing::error!("parent's last error");
        drop(guard);
        std::process::exit(EXIT_RAN)
    }
    for batched in [false, true] {
        let (written, sent) = run(TEST, batched);
        let expected = [
            "after the guard",
            "child's error",
            "child's first line",
            "child's last line",
            "parent's first error",
            "parent's first line",
            "parent's last error",
            "parent's last line",
        ];
        assert_eq!(messages(&written), expected, "batched: {batched}");
        assert_eq!(messages(&sent), ["child's error", "parent's first error", "parent's last error"]);
        let parents = one(&written, "parent's last line");
        let pid: u64 = extra(parents)["pid"].parse().unwrap();
        assert_ne!(parents["pid"], pid);
        for record in &written {
            let of_child = !record["msg"].as_str().unwrap().starts_with("parent");
            assert_eq!(record["pid"] == pid, of_child, "{record}");
            assert_eq!(record["pid"] == parents["pid"], !of_child, "{record}");
        }
    }
}

#[test]
fn a_child_that_logs_nothing_leaves_nothing() {
    const TEST: &str = "forked::a_child_that_logs_nothing_leaves_nothing";
    if child::is_for(TEST) {
        let mut guard = Some(install());
        tracing::info!("line");
        tracing::error!("error");
        tracing::info!("waits in the batch");
        // Neither by the thread's end nor by the guard's.
        in_child(|| ());
        in_child(|| drop(guard.take()));
        in_child(|| {
            drop(guard.take());
            tracing::error!("after the guard");
        });
        drop(guard);
        std::process::exit(EXIT_RAN)
    }
    for batched in [false, true] {
        let (written, sent) = run(TEST, batched);
        let expected = ["after the guard", "error", "line", "waits in the batch"];
        assert_eq!(messages(&written), expected, "batched: {batched}");
        assert_eq!(messages(&sent), ["error"], "batched: {batched}");
    }
}

#[test]
fn a_grandchild_that_panics_tells_it() {
    const TEST: &str = "forked::a_grandchild_that_panics_tells_it";
    if child::is_for(TEST) {
        let guard = install();
        in_child(|| {
            tracing::info!("child");
            in_child(|| {
                std::panic::catch_unwind(|| panic!("in the grandchild")).unwrap_err();
                // Not the main thread: nobody flushes for it.
                assert!(guard.flush(Duration::from_secs(20)));
            });
        });
        drop(guard);
        std::process::exit(EXIT_RAN)
    }
    let (written, sent) = run(TEST, true);
    assert_eq!(messages(&written), ["child", "panic"]);
    assert_eq!(sent, [one(&written, "panic").clone()]);
    assert_ne!(written[0]["pid"], written[1]["pid"]);
}

#[test]
fn locks_that_stayed_behind_hold_nobody() {
    const TEST: &str = "forked::locks_that_stayed_behind_hold_nobody";
    if child::is_for(TEST) {
        let guard = install();
        // Threads that are in the sink and in the queue as often as not when the process forks.
        let logging = Arc::new(AtomicBool::new(true));
        // Before the first fork all of them have begun: the standard library has a lock of its own for that.
        let begun = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (logging, begun) = (Arc::clone(&logging), Arc::clone(&begun));
                std::thread::spawn(move || {
                    begun.wait();
                    while logging.load(Ordering::Relaxed) {
                        tracing::info!("noise");
                        tracing::error!("noise");
                    }
                })
            })
            .collect();
        begun.wait();
        // Likewise for the connection.
        tracing::error!("noise");
        assert!(guard.flush(Duration::from_secs(20)));
        for n in 0..20 {
            in_child(|| {
                tracing::info!(n, "child's line");
                tracing::error!(n, "child's error");
                assert!(guard.flush(Duration::from_secs(20)));
            });
        }
        logging.store(false, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::process::exit(EXIT_RAN)
    }
    for batched in [false, true] {
        let (written, sent) = run(TEST, batched);
        let of =
            |records: &[Value], message| records.iter().filter(|record| record["msg"] == message).count();
        assert_eq!((of(&written, "child's line"), of(&written, "child's error")), (20, 20));
        assert_eq!(of(&sent, "child's error"), 20);
    }
}
