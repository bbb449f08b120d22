//! What reaches a server, whatever the server does.

use crate::backend::{Act, Backend};
use crate::json::{extra, read};
use log_center::testing::Capture;
use log_center::{Builder, Counts, Guard, LossReason};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tracing::Dispatch;
use tracing_subscriber::prelude::*;

/// Longer than everything that is waited for here, unless it never comes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn layer(url: &str) -> Builder {
    // Whatever the environment says: with backtraces the records are of another size.
    log_center::layer("test").endpoint(url).flush_timeout(Duration::ZERO).backtraces(false)
}

/// A subscriber with the layer, what it writes, and the guard.
pub(crate) fn start(builder: Builder) -> (Dispatch, Capture, Guard) {
    let capture = Capture::new();
    let (layer, guard) = builder.writer(capture.clone()).build().unwrap();
    (Dispatch::new(tracing_subscriber::registry().with(layer)), capture, guard)
}

pub(crate) fn log_errors(dispatch: &Dispatch, range: std::ops::Range<usize>) {
    tracing::dispatcher::with_default(dispatch, || range.for_each(|n| tracing::error!(n, "failed")));
}

/// What the counts promise at any moment.
#[track_caller]
pub(crate) fn assert_adds_up(counts: &Counts) {
    assert_eq!(counts.offered, counts.accepted + counts.waiting + counts.lost_in_all(), "{counts:?}");
}

#[test]
fn errors_are_sent_as_they_were_written() {
    let backend = Backend::start(&[]);
    let (dispatch, capture, guard) = start(layer(&backend.url()));
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::warn!("not this");
        tracing::error!("this");
        tracing::info!("nor this");
        tracing::error!(n = 1, "and this");
    });
    assert!(guard.flush(LONG));
    let written = capture.lines();
    assert_eq!(backend.lines(), [&written[1][..], &written[3]]);
    let ids: Vec<_> = backend.lines().iter().map(|line| read(line)["event_id"].clone()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0].as_str().map(str::len), Some(32));

    let request = &backend.requests()[0];
    assert!(request.head.starts_with("post /api/v1/events http/1.1"), "{}", request.head);
    assert!(request.head.contains("content-type: application/x-ndjson"));
    assert!(request.head.contains("content-encoding: gzip"));
    assert_eq!(request.key.len(), 32);
    let counts = guard.counts();
    assert_eq!((counts.written, counts.offered, counts.accepted, counts.waiting), (4, 2, 2, 0));
}

/// Whatever the server does first, in the end it has every record once.
#[track_caller]
fn check_arrives(script: &[Act]) {
    let backend = Backend::start(script);
    let (dispatch, capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..5);
    assert!(guard.flush(LONG), "{script:?}: {:?}", guard.counts());
    assert_eq!(backend.lines(), capture.lines(), "{script:?}");
    let counts = guard.counts();
    assert_eq!((counts.offered, counts.accepted, counts.lost_in_all()), (5, 5, 0), "{script:?}");
}

#[test]
fn a_failure_that_may_pass_is_repeated() {
    check_arrives(&[Act::Answer(500, "", "")]);
    check_arrives(&[Act::Answer(502, "", "<html>"), Act::Answer(503, "retry-after: 0\r\n", "")]);
    check_arrives(&[Act::Answer(429, "retry-after: 1\r\n", ""), Act::Answer(408, "", "")]);
    check_arrives(&[Act::CloseEarly]);
    check_arrives(&[Act::CloseEarly, Act::AcceptAndClose, Act::Answer(500, "", "")]);
    check_arrives(&[Act::Answer(200, "", "<html>a captive portal</html>")]);
    check_arrives(&[Act::Answer(302, "location: http://127.0.0.1:9/\r\n", "")]);
    check_arrives(&[Act::Answer(503, "retry-after: nonsense\r\n", "")]);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    check_arrives(&[Act::Stall]);
}

#[test]
fn an_answer_that_stops_in_the_middle_is_none() {
    check_arrives(&[Act::AcceptAndStall]);
}

#[test]
fn a_repetition_has_the_same_key_and_bytes() {
    let backend = Backend::start(&[Act::AcceptAndClose, Act::Answer(500, "", "")]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..3);
    backend.wait_for_requests(1);
    // These come while the fate of the first ones is open, and must not slip in under their key.
    log_errors(&dispatch, 3..6);
    assert!(guard.flush(LONG));
    let requests = backend.requests();
    assert_eq!((&requests[0].key, &requests[0].lines), (&requests[1].key, &requests[1].lines));
    assert_eq!((&requests[0].key, &requests[0].lines), (&requests[2].key, &requests[2].lines));
    assert_ne!(requests[0].key, requests[3].key);
    assert_eq!(backend.lines().len(), 6);
}

#[test]
fn retry_after_is_obeyed() {
    let backend = Backend::start(&[Act::Answer(503, "retry-after: 1\r\n", "")]);
    let (dispatch, _capture, _guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..1);
    // No flush: that would not wait.
    let requests = backend.wait_for_requests(2);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
}

#[test]
fn a_flush_does_not_wait_for_the_pause_to_end() {
    let backend = Backend::start(&[Act::Answer(503, "retry-after: 300\r\n", "")]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..1);
    backend.wait_for_requests(1);
    // The answer to the first attempt may still be on its way; then one more flush meets the pause.
    let deadline = Instant::now() + LONG;
    while !guard.flush(Duration::from_millis(200)) {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(guard.counts().accepted, 1);
}

#[test]
fn a_flush_does_not_hammer_a_failing_server() {
    let backend = Backend::start(&[Act::Answer(500, "", ""); 1000]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..1);
    assert!(!guard.flush(Duration::from_secs(1)));
    // The pauses double from at least 100 ms on.
    assert!(backend.requests().len() < 10, "{} attempts", backend.requests().len());
}

/// What is lost of five records for which reason.
#[track_caller]
fn check_lost(script: &[Act], accepted: u64, reason: LossReason, lost: u64) {
    let backend = Backend::start(script);
    let (dispatch, _capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..5);
    assert!(guard.flush(LONG), "{script:?}: its fate is known");
    let counts = guard.counts();
    assert_eq!(
        (counts.accepted, counts.lost(reason), counts.lost_in_all()),
        (accepted, lost, lost),
        "{script:?}"
    );
    assert_adds_up(&counts);
}

#[test]
fn what_the_server_will_never_take_is_lost_and_counted() {
    for status in [400, 401, 403, 404, 415] {
        check_lost(&[Act::Answer(status, "", "")], 0, LossReason::Refused, 5);
    }
    check_lost(&[Act::Answer(422, "", "")], 0, LossReason::Rejected, 5);
    check_lost(&[Act::Reject(2)], 3, LossReason::Rejected, 2);
    check_lost(&[Act::AtMost(0); 16], 0, LossReason::TooLarge, 5);
}

#[test]
fn a_batch_that_is_too_large_goes_in_halves() {
    let backend = Backend::start(&vec![Act::AtMost(1); 64]);
    let (dispatch, capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..13);
    assert!(guard.flush(LONG));
    assert_eq!(backend.lines(), capture.lines());
    assert_eq!((guard.counts().accepted, guard.counts().lost_in_all()), (13, 0));
}

#[test]
fn a_server_that_comes_late_gets_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (dispatch, capture, guard) = start(layer(&format!("http://{address}")));
    log_errors(&dispatch, 0..100);
    assert!(!guard.flush(Duration::from_millis(300)), "nobody is there");
    assert_eq!(guard.counts().waiting, 100);
    let backend = Backend::start_on(TcpListener::bind(address).unwrap(), &[]);
    assert!(guard.flush(LONG));
    assert_eq!(backend.lines(), capture.lines());
}

#[test]
fn losses_are_told_once_the_server_takes_records_again() {
    let backend = Backend::start(&[Act::Answer(400, "", ""), Act::Accept, Act::Answer(500, "", "")]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()));
    log_errors(&dispatch, 0..3);
    assert!(guard.flush(LONG));
    log_errors(&dispatch, 3..4);
    assert!(guard.flush(LONG));
    // The notice meets the 500 and comes again, the same, after the next success.
    backend.wait_for_requests(3);
    log_errors(&dispatch, 4..5);
    let requests = backend.wait_for_requests(5);
    assert_eq!((&requests[2].key, &requests[2].lines), (&requests[4].key, &requests[4].lines));
    let notice = read(&requests[4].lines[0]);
    assert_eq!((&notice["msg"], &notice["scope"]), (&"log records lost".into(), &"desc".into()));
    assert_eq!(notice["level"], 40);
    assert_eq!(extra(&notice), [("refused".to_owned(), "3".to_owned())].into());
    assert_eq!(guard.counts().offered, 5, "a notice is no record of the program");
}

#[test]
fn dropping_the_guard_sends_the_rest_and_ends_forwarding() {
    let backend = Backend::start(&[]);
    let (dispatch, capture, guard) = start(layer(&backend.url()).flush_timeout(LONG));
    log_errors(&dispatch, 0..10);
    drop(guard);
    assert_eq!(backend.lines(), capture.lines());
    log_errors(&dispatch, 10..11);
    assert_eq!(capture.lines().len(), 11, "still written");
    assert_eq!(backend.lines().len(), 10);
}

#[test]
fn dropping_the_guard_does_not_wait_for_a_dead_server() {
    let backend = Backend::start(&[Act::Stall]);
    let (dispatch, _capture, guard) = start(layer(&backend.url()).flush_timeout(Duration::from_millis(50)));
    log_errors(&dispatch, 0..10);
    backend.wait_for_requests(1);
    drop(guard);
    assert_eq!(backend.lines().len(), 0);
}
