//! A server in every kind of trouble, and a program that does not notice.
//!
//! The server does nothing at all until the program has logged everything: a thread that waited for it, in whatever way,
//! would wait for ever.

use crate::backend::{Act, Backend};
use crate::forwarding::{LONG, assert_adds_up, layer, log_errors, start};
use crate::json::{extra, read};
use log_center::testing::Capture;
use log_center::{Counts, Guard, LossReason};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};
use tracing::Dispatch;

const THREADS: usize = 2;
const EACH: usize = 1500;
const ALL: usize = THREADS * EACH;

/// Logs errors from some threads, until all are through.
fn log_all(dispatch: &Dispatch) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || log_errors(dispatch, thread * EACH..(thread + 1) * EACH));
        }
    });
}

/// Until the fate of every record is known. One flush may meet a pause after a failure.
#[track_caller]
fn settle(guard: &Guard) -> Counts {
    assert!(guard.flush(LONG), "{:?}", guard.counts());
    let counts = guard.counts();
    assert_adds_up(&counts);
    assert_eq!((counts.offered, counts.waiting), (ALL as u64, 0));
    counts
}

/// No key had two bodies, and no record is in two batches that count.
#[track_caller]
fn assert_nothing_counts_twice(backend: &Backend) {
    let mut bodies = BTreeMap::new();
    for request in backend.requests() {
        let body = bodies.entry(request.key).or_insert_with(|| request.lines.clone());
        assert_eq!(*body, request.lines, "one key, two bodies");
    }
    let lines = backend.lines();
    let different: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(different.len(), lines.len(), "a record counts twice");
}

/// In any order: two threads wrote them.
#[track_caller]
fn assert_all_arrived(backend: &Backend, capture: &Capture) {
    let [arrived, written] = [backend.lines(), capture.lines()].map(BTreeSet::from_iter);
    assert!(arrived == written, "{:?} differ", arrived.symmetric_difference(&written));
}

/// The server does this first, and takes everything after that.
#[track_caller]
fn check(script: &[Act]) {
    // With room for everything, all of it arrives.
    let backend = Backend::start_held(script);
    let (dispatch, capture, guard) = start(layer(&backend.url()));
    log_all(&dispatch);
    assert_eq!(capture.lines().len(), ALL);
    assert_eq!(guard.counts().accepted, 0);
    backend.wait_for_a_head();
    backend.release();
    let counts = settle(&guard);
    assert_eq!((counts.accepted, counts.lost_in_all()), (ALL as u64, 0), "{counts:?}");
    assert_nothing_counts_twice(&backend);
    assert_all_arrived(&backend, &capture);

    // With too little, the rest is counted.
    let backend = Backend::start_held(script);
    let (dispatch, _capture, guard) = start(layer(&backend.url()).queue_records(400));
    log_all(&dispatch);
    let counts = guard.counts();
    assert_adds_up(&counts);
    assert!(counts.waiting <= 400, "{counts:?}");
    backend.release();
    let counts = settle(&guard);
    assert_eq!(counts.lost(LossReason::QueueFull), counts.lost_in_all(), "{counts:?}");
    assert!(counts.lost_in_all() >= (ALL - 400) as u64);
    assert_nothing_counts_twice(&backend);
    let arrived = backend.lines().iter().filter(|line| read(line)["msg"] == "failed").count() as u64;
    // What the server took, and gave way here before its answer came, is counted as lost.
    assert!(arrived >= counts.accepted, "{arrived} {counts:?}");
}

#[test]
fn it_fails() {
    check(&[Act::Answer(500, "", ""), Act::Answer(500, "", "oops")]);
}

#[test]
fn it_asks_for_patience() {
    check(&[Act::Answer(503, "retry-after: 1\r\n", ""), Act::Answer(503, "retry-after: 0\r\n", "")]);
}

#[test]
fn it_takes_no_large_batches() {
    check(&[Act::AtMost(200); 64]);
}

#[test]
fn it_stalls_in_the_middle_of_an_answer() {
    check(&[Act::AcceptAndStall]);
}

#[test]
fn it_closes_in_the_middle_of_a_request() {
    check(&[Act::CloseMidway, Act::CloseEarly, Act::CloseMidway]);
}

#[test]
fn it_closes_before_the_answer() {
    check(&[Act::AcceptAndClose, Act::AcceptAndClose]);
}

#[test]
fn it_reads_slowly() {
    check(&[Act::ReadSlowly; 8]);
}

#[test]
fn it_never_answers() {
    check(&[Act::Stall]);
}

#[test]
fn it_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (dispatch, capture, guard) = start(layer(&format!("http://{address}")));
    log_all(&dispatch);
    assert_eq!(guard.counts().waiting, ALL as u64);
    let backend = Backend::start_on(TcpListener::bind(address).unwrap(), &[]);
    settle(&guard);
    assert_nothing_counts_twice(&backend);
    assert_all_arrived(&backend, &capture);
}

#[test]
fn it_comes_back_without_help() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (dispatch, _capture, guard) = start(layer(&format!("http://{address}")));
    log_errors(&dispatch, 0..10);
    assert!(!guard.flush(Duration::from_millis(300)), "nobody is there");
    let backend = Backend::start_on(TcpListener::bind(address).unwrap(), &[]);
    // No flush: nobody tells the forwarder.
    let deadline = Instant::now() + LONG;
    while guard.counts().accepted < 10 {
        assert!(Instant::now() < deadline, "{:?}", guard.counts());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(backend.lines().len(), 10);
}

#[test]
fn the_runtime_ends_first() {
    let backend = Backend::start_held(&[]);
    let (dispatch, capture, guard) = start(layer(&backend.url()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let _default = tracing::dispatcher::set_default(&dispatch);
        tokio::spawn(async { tracing::error!(n = 0, "failed") }).await.unwrap();
        // This one never ends; it logs when the runtime drops it.
        tokio::spawn(async {
            let _last = LogsWhenDropped(tracing::dispatcher::get_default(Dispatch::clone));
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
    });
    drop(runtime);
    log_errors(&dispatch, 2..3);
    backend.release();
    assert!(guard.flush(LONG));
    assert_eq!(backend.lines(), capture.lines());
    let numbers: Vec<String> = backend.lines().iter().map(|line| extra(&read(line))["n"].clone()).collect();
    assert_eq!(numbers, ["0", "1", "2"]);
}

struct LogsWhenDropped(Dispatch);

impl Drop for LogsWhenDropped {
    fn drop(&mut self) {
        log_errors(&self.0, 1..2);
    }
}
