//! More records than the server takes.

use crate::backend::{Act, Backend};
use crate::forwarding::{LONG, assert_adds_up, layer, log_errors, start};
use crate::json::{extra, read};
use log_center::{ForwardMode, LossReason};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

fn numbers(lines: &[String]) -> Vec<usize> {
    let errors = lines.iter().map(|line| read(line)).filter(|record| record["msg"] == "failed");
    errors.map(|record| extra(&record)["n"].parse().unwrap()).collect()
}

#[test]
fn the_oldest_give_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (dispatch, _capture, guard) = start(layer(&format!("http://{address}")).queue_records(100));
    log_errors(&dispatch, 0..100);
    // An attempt gives the first batch a key; from then on it stays or goes as a whole.
    guard.flush(Duration::from_millis(100));
    log_errors(&dispatch, 100..1000);
    let counts = guard.counts();
    assert!((76..=100).contains(&counts.waiting), "{counts:?}");
    assert_eq!(counts.lost(LossReason::QueueFull), 1000 - counts.waiting);
    assert_adds_up(&counts);

    let backend = Backend::start_on(TcpListener::bind(address).unwrap(), &[]);
    assert!(guard.flush(LONG));
    let requests = backend.requests();
    let notice = |line: &&String| read(line)["msg"] == "log records lost";
    let lost = guard.counts().lost(LossReason::QueueFull);
    let arrived = numbers(&backend.lines());
    assert_eq!(arrived.len() as u64 + lost, 1000);
    assert!(arrived.is_sorted(), "in their order");
    assert_eq!(arrived.last(), Some(&999), "the newest is there");
    let expected: Vec<usize> = (1000 - arrived.len()..1000).collect();
    let newest = arrived == expected;
    // The batch with a key was on its way while the others came, or it was pushed out with the rest.
    assert!(newest || arrived[0] == 0, "{arrived:?}");
    let all: Vec<String> = requests.into_iter().flat_map(|request| request.lines).collect();
    if let Some(notice) = all.iter().find(notice) {
        assert_eq!(extra(&read(notice))["queue_full"], lost.to_string());
    }
}

#[test]
fn a_batch_of_open_fate_is_pushed_out_as_a_whole() {
    const LATER: Act = Act::Answer(503, "retry-after: 300\r\n", "");
    let mut script = vec![LATER; 1000];
    script[0] = Act::AcceptAndClose;
    let backend = Backend::start(&script);
    let (dispatch, _capture, guard) = start(layer(&backend.url()).queue_records(100));
    log_errors(&dispatch, 0..20);
    backend.wait_for_requests(2);
    // Until the batch is back in the queue, in its long pause.
    assert!(!guard.flush(Duration::from_millis(500)));
    log_errors(&dispatch, 20..110);
    assert_eq!(guard.counts().lost(LossReason::QueueFull), 20, "not only ten");
    backend.follow(&[]);
    assert!(guard.flush(LONG));
    let mut bodies = BTreeMap::new();
    for request in backend.requests() {
        let before = bodies.entry(request.key).or_insert_with(|| request.lines.clone());
        assert_eq!(*before, request.lines, "one key, two bodies");
    }
    assert_eq!(numbers(&backend.lines()), (0..110).collect::<Vec<_>>());
}

/// What is left of records of which these are errors, by a queue that holds so many: the oldest go, errors last.
fn left(records: &[bool], bound: usize) -> Vec<usize> {
    let mut left: Vec<usize> = Vec::new();
    for n in 0..records.len() {
        left.push(n);
        if left.len() > bound {
            let oldest = left.iter().position(|n| !records[*n]).unwrap_or(0);
            left.remove(oldest);
        }
    }
    left
}

#[track_caller]
fn check_left(records: &[bool], bound: usize) {
    const LATER: Act = Act::Answer(503, "retry-after: 300\r\n", "");
    let backend = Backend::start(&[LATER; 1000]);
    // One more, for the first.
    let builder = layer(&backend.url()).forward(ForwardMode::All).queue_records(bound + 1);
    let (dispatch, _capture, guard) = start(builder);
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::error!("first");
        backend.wait_for_requests(1);
        // From here on the forwarder is in its long pause, and takes nothing.
        assert!(!guard.flush(Duration::from_millis(500)));
        for (n, is_error) in records.iter().enumerate() {
            if *is_error { tracing::error!(n, "failed") } else { tracing::info!(n, "failed") }
        }
    });
    assert_adds_up(&guard.counts());
    backend.follow(&[]);
    assert!(guard.flush(LONG));
    let first_left = read(&backend.lines()[0])["msg"] == "first";
    let bound = if first_left { bound } else { bound + 1 };
    assert_eq!(numbers(&backend.lines()), left(records, bound), "bound {bound}, {records:?}");
    let counts = guard.counts();
    assert_eq!(counts.lost(LossReason::QueueFull), counts.offered - counts.accepted);
    assert_adds_up(&counts);
}

#[test]
fn errors_give_way_last_and_all_are_sent_by_age() {
    check_left(&[false; 200], 50);
    check_left(&[true; 200], 50);
    let every = |n: usize, count: usize| (0..count).map(|record| record % n == 0).collect::<Vec<_>>();
    check_left(&every(10, 500), 100);
    check_left(&every(10, 2000), 100);
    check_left(&every(2, 300), 100);
    let mut errors_first = vec![true; 80];
    errors_first.extend([false; 300]);
    check_left(&errors_first, 100);
    let mut errors_last = vec![false; 300];
    errors_last.extend([true; 80]);
    check_left(&errors_last, 100);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn what_gives_way_is_what_should(records in vec(any::<bool>(), 1..400), bound in 20_usize..100) {
        check_left(&records, bound);
    }
}

#[test]
fn memory_has_its_bound_in_bytes_too() {
    let backend = Backend::start(&[Act::Stall]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()).queue_bytes(64 << 10));
    log_errors(&dispatch, 0..5000);
    let counts = guard.counts();
    assert!(counts.waiting * 300 < 64 << 10, "{counts:?}");
    assert!(counts.lost(LossReason::QueueFull) > 4500);
    assert_adds_up(&counts);

    tracing::dispatcher::with_default(&dispatch, || tracing::error!("{}", "x".repeat(100 << 10)));
    let (dispatch, _capture, small) = start(layer(&backend.url()).queue_bytes(200));
    log_errors(&dispatch, 0..3);
    assert_eq!(small.counts().lost(LossReason::TooLarge), 3, "no line is so short");
    assert_adds_up(&small.counts());
}

#[test]
fn the_counts_add_up_under_any_fire() {
    const THREADS: usize = 4;
    const EACH: usize = 2000;
    let script: Vec<Act> = (0..400)
        .map(|n| match n % 8 {
            0 => Act::Answer(500, "", ""),
            1 => Act::AtMost(40),
            2 => Act::AcceptAndClose,
            3 => Act::Answer(503, "retry-after: 0\r\n", ""),
            4 => Act::CloseEarly,
            5 => Act::Answer(400, "", ""),
            _ => Act::Accept,
        })
        .collect();
    let backend = Backend::start(&script);
    let (dispatch, _capture, guard) = start(layer(&backend.url()).queue_records(1000));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let dispatch = &dispatch;
            scope.spawn(move || log_errors(dispatch, thread * EACH..(thread + 1) * EACH));
        }
        for _ in 0..100 {
            assert_adds_up(&guard.counts());
        }
    });
    assert!(guard.flush(LONG), "{:?}", guard.counts());
    let counts = guard.counts();
    assert_adds_up(&counts);
    assert_eq!((counts.offered, counts.waiting), ((THREADS * EACH) as u64, 0));
    let arrived = numbers(&backend.lines());
    let different: BTreeSet<usize> = arrived.iter().copied().collect();
    assert_eq!(arrived.len(), different.len(), "none twice");
    // What the server took and was pushed out here before the answer came counts as lost.
    assert!(arrived.len() as u64 >= counts.accepted, "{} {counts:?}", arrived.len());
}
