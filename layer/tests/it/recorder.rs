//! The flight recorder: which requests reach the server, and what of them.

use crate::backend::{Act, Backend};
use crate::forwarding::{LONG, assert_adds_up, layer, start};
use crate::json::{extra, read, read_any};
use crate::service::{ask, get, pair};
use axum::Router;
use axum::routing;
use http::StatusCode;
use log_center::{Builder, ForwardMode, LossReason, request::RequestLayer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;
use tracing::dispatcher::with_default;
use tracing::{debug, debug_span, error, info, info_span, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};

fn recorder(backend: &Backend) -> Builder {
    let info = Targets::new().with_default(LevelFilter::INFO);
    layer(&backend.url()).forward(ForwardMode::OnError).write_filter(info)
}

/// The numbers of the records that arrived, by request, in the order of their arrival.
#[track_caller]
fn arrived(backend: &Backend) -> BTreeMap<String, Vec<usize>> {
    let mut requests = BTreeMap::<String, Vec<usize>>::new();
    for line in backend.lines() {
        let record = read_any(&line);
        let id = record["req_id"].as_str().unwrap_or_default().to_owned();
        requests.entry(id).or_default().push(pair(&record, "n").parse().unwrap());
    }
    requests
}

fn messages(backend: &Backend) -> Vec<String> {
    backend.lines().iter().map(|line| read_any(line)["msg"].as_str().unwrap().to_owned()).collect()
}

/// A request of eight records; one that fails does so at its fifth.
fn handle(id: &str, fails: bool) {
    let span = info_span!("request", req_id = id, url = "/orders");
    let _entered = span.enter();
    debug!(n = 0, "looking up");
    info!(n = 1, "found");
    debug_span!("payment", bank = "b").in_scope(|| {
        debug!(n = 2, "asking the bank");
        debug!(n = 3, "the bank answered");
        if fails {
            error!(n = 4, "payment failed");
        } else {
            debug!(n = 4, "payment done");
        }
    });
    debug!(n = 5, "cleaning up");
    warn!(n = 6, "a little late");
    debug!(n = 7, "done");
}

#[test]
fn of_ten_thousand_requests_those_that_failed_arrive_whole_and_in_order() {
    const THREADS: usize = 4;
    const REQUESTS: usize = 10_000;
    const FAILING: usize = 10;
    let backend = Backend::start(&[]);
    let (dispatch, capture, guard) = start(recorder(&backend));
    let fails = |request: usize| request % (REQUESTS / FAILING) == 123;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let dispatch = &dispatch;
            scope.spawn(move || {
                with_default(dispatch, || {
                    let mine = (0..REQUESTS).filter(|request| request % THREADS == thread);
                    mine.for_each(|request| handle(&format!("req_{request}"), fails(request)));
                });
            });
        }
    });
    assert!(guard.flush(LONG));
    let expected: BTreeMap<String, Vec<usize>> = (0..REQUESTS)
        .filter(|request| fails(*request))
        .map(|request| (format!("req_{request}"), (0..8).collect()))
        .collect();
    assert_eq!(expected.len(), FAILING);
    assert_eq!(arrived(&backend), expected);
    let counts = guard.counts();
    assert_eq!((counts.offered, counts.accepted, counts.lost_in_all()), (80, 80, 0));
    assert_eq!(capture.lines().len(), 2 * REQUESTS + FAILING, "DEBUG is kept, not written");
    // In the order of time, which the server keeps: a story is not taken apart.
    let times: Vec<Value> = backend.lines().iter().map(|line| read(line)["time"].clone()).collect();
    for story in times.chunks(8) {
        assert!(story.is_sorted_by_key(|time| time.as_str()), "{story:?}");
    }
}

#[test]
fn what_belongs_to_no_request_is_sent_from_error_on() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    with_default(&dispatch, || {
        debug!("not this");
        info_span!("job", size = 3).in_scope(|| {
            warn!("nor this");
            error!("but this");
        });
    });
    assert!(guard.flush(LONG));
    assert_eq!(messages(&backend), ["but this"]);
    assert_eq!(guard.counts().offered, 1);
}

#[test]
fn a_request_inside_of_another_one_is_its_own() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    with_default(&dispatch, || {
        let outer = info_span!("request", req_id = "outer");
        let _entered = outer.enter();
        debug!(n = 0, "outside");
        info_span!("request", req_id = "inner").in_scope(|| {
            debug!(n = 0, "inside");
            error!(n = 1, "failed");
        });
        debug!(n = 1, "outside");
    });
    assert!(guard.flush(LONG));
    assert_eq!(arrived(&backend), [("inner".to_owned(), vec![0, 1])].into());
}

#[test]
fn a_span_that_repeats_the_id_is_of_the_same_request() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    with_default(&dispatch, || {
        let outer = info_span!("request", req_id = "same");
        let _entered = outer.enter();
        debug!(n = 0, "outside");
        info_span!("again", req_id = "same").in_scope(|| debug!(n = 1, "inside"));
        info_span!("later", req_id = tracing::field::Empty).in_scope(|| error!(n = 2, "failed"));
        debug!(n = 3, "outside");
    });
    assert!(guard.flush(LONG));
    assert_eq!(arrived(&backend), [("same".to_owned(), vec![0, 1, 2, 3])].into());
}

#[test]
fn threads_of_one_request_are_in_one_story() {
    const THREADS: usize = 4;
    const EACH: usize = 100;
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    let barrier = Barrier::new(THREADS);
    let span = with_default(&dispatch, || info_span!("request", req_id = "shared"));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (dispatch, span, barrier) = (&dispatch, &span, &barrier);
            scope.spawn(move || {
                barrier.wait();
                with_default(dispatch, || {
                    span.in_scope(|| {
                        for step in 0..EACH {
                            let n = thread * EACH + step;
                            if n == EACH + EACH / 2 { error!(n, "step") } else { debug!(n, "step") }
                        }
                    });
                });
            });
        }
    });
    assert!(guard.flush(LONG));
    let steps = arrived(&backend).remove("shared").unwrap();
    for thread in 0..THREADS {
        let mine: Vec<usize> = steps.iter().copied().filter(|n| n / EACH == thread).collect();
        assert_eq!(mine, (thread * EACH..(thread + 1) * EACH).collect::<Vec<_>>());
    }
}

#[test]
fn a_panic_that_leaves_the_request_is_trouble() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    with_default(&dispatch, || {
        let span = info_span!("request", req_id = "panics");
        let request = || {
            debug!(n = 0, "begins");
            std::panic::resume_unwind(Box::new("no hook, no message"));
        };
        assert!(catch_unwind(AssertUnwindSafe(|| span.in_scope(request))).is_err());
        span.in_scope(|| debug!(n = 1, "caught"));
        drop(span);
        info_span!("request", req_id = "does_not").in_scope(|| debug!(n = 0, "begins"));
    });
    assert!(guard.flush(LONG));
    assert_eq!(arrived(&backend), [("panics".to_owned(), vec![0, 1])].into());
}

#[test]
fn a_request_that_takes_too_long_is_trouble() {
    let backend = Backend::start(&[]);
    // Nothing is as fast as that; and nothing as slow.
    for (threshold, is_slow) in [(Duration::from_nanos(1), true), (Duration::from_secs(3600), false)] {
        let (dispatch, _capture, guard) = start(recorder(&backend).slow_request(threshold));
        let before = backend.lines().len();
        with_default(&dispatch, || handle("req_1", false));
        assert!(guard.flush(LONG));
        assert_eq!(backend.lines().len() - before, if is_slow { 8 } else { 0 }, "{threshold:?}");
    }
}

/// A service whose requests end as their path says.
fn service() -> Router {
    let end = async |axum::extract::Path(end): axum::extract::Path<String>| {
        debug!("asked");
        match end.as_str() {
            "panics" => std::panic::resume_unwind(Box::new("as it was told")),
            "fails" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::OK,
        }
    };
    Router::new().route("/{end}", routing::get(end)).layer(RequestLayer::new())
}

async fn ask_all(dispatch: &tracing::Dispatch) {
    let _default = tracing::dispatcher::set_default(dispatch);
    for path in ["/works", "/fails", "/panics", "/works"] {
        // On the task of the test a panic would end the test.
        let _ = tokio::spawn(ask(service(), get(path))).await;
    }
}

#[tokio::test]
async fn a_request_that_panics_is_told_to_its_end() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    ask_all(&dispatch).await;
    assert!(guard.flush(LONG));
    assert_eq!(messages(&backend), ["request received", "asked", "request panicked"]);
}

#[tokio::test]
async fn the_time_of_a_request_is_that_of_its_answer() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend).slow_request(Duration::from_nanos(1)));
    ask_all(&dispatch).await;
    assert!(guard.flush(LONG));
    let stories = messages(&backend);
    let ends: Vec<&str> = stories.chunks(3).map(|story| story[2].as_str()).collect();
    assert_eq!(ends, ["request answered", "request failed", "request panicked", "request answered"]);
}

#[test]
fn a_request_too_large_to_keep_loses_its_oldest_records_and_says_so() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend).request_records(40));
    with_default(&dispatch, || {
        let span = info_span!("request", req_id = "long", uid = "7");
        let _entered = span.enter();
        (0..1000).for_each(|n| debug!(n, "step"));
        error!(n = 1000, "failed");
        debug!(n = 1001, "step");
    });
    assert!(guard.flush(LONG));
    let records: Vec<Value> = backend.lines().iter().map(|line| read(line)).collect();
    let gap = &records[0];
    assert_eq!((&gap["msg"], &gap["level"]), (&"request records missing".into(), &40.into()));
    assert_eq!((&gap["req_id"], &gap["uid"]), (&"long".into(), &"7".into()));
    assert_eq!(gap["time"], records[1]["time"], "it stands where they were");
    let missing: usize = extra(gap)["recorder_full"].parse().unwrap();
    let numbers: Vec<usize> = records[1..].iter().map(|record| pair(record, "n").parse().unwrap()).collect();
    assert_eq!(numbers, (missing..=1001).collect::<Vec<_>>(), "the newest, without another gap");
    assert_eq!(missing, 960);
    let counts = guard.counts();
    assert_eq!(counts.lost(LossReason::RecorderFull), missing as u64);
    assert_eq!(counts.offered, 1003, "the record of the gap counts");
    assert_adds_up(&counts);
}

#[test]
fn memory_of_all_requests_has_its_bound() {
    const BOUND: u64 = 256 << 10;
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend).recorder_bytes(BOUND as usize));
    with_default(&dispatch, || {
        let open: Vec<_> = (0..100).map(|n| info_span!("request", req_id = format!("r{n}"))).collect();
        for n in 0..100 {
            open.iter().for_each(|span| span.in_scope(|| debug!(n, "step")));
            assert!(guard.counts().recorder_bytes <= BOUND, "{:?}", guard.counts());
        }
        assert!(guard.counts().recorder_bytes > BOUND / 2);
        for span in &open {
            span.in_scope(|| error!(n = 100, "failed"));
            assert!(guard.counts().recorder_bytes <= BOUND);
        }
    });
    assert!(guard.flush(LONG));
    let counts = guard.counts();
    assert_adds_up(&counts);
    let gaps = messages(&backend).iter().filter(|message| *message == "request records missing").count();
    assert_eq!(gaps, 100, "none had room for all");
    assert_eq!(counts.offered, 101 * 100 + 100);
    assert_eq!(counts.lost(LossReason::RecorderFull) + counts.accepted, counts.offered);
}

#[test]
fn memory_of_closed_requests_is_used_again() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend));
    with_default(&dispatch, || {
        assert_eq!(guard.counts().recorder_bytes, 0);
        handle("req_1", false);
        let held = guard.counts().recorder_bytes;
        assert!(held > 0);
        (0..1000).for_each(|_| handle("req_2", false));
        assert_eq!(guard.counts().recorder_bytes, held);
        // What one huge request took is given back.
        info_span!("request", req_id = "huge").in_scope(|| {
            (0..500).for_each(|n| debug!(n, filling = "x".repeat(1000), "step"));
            assert!(guard.counts().recorder_bytes > 200 << 10);
        });
        assert!(guard.counts().recorder_bytes <= held);
    });
    assert_eq!(guard.counts().offered, 0, "all went well");
}

#[test]
fn a_line_larger_than_the_recorder_is_missing_alone() {
    let backend = Backend::start(&[]);
    let (dispatch, _capture, guard) = start(recorder(&backend).request_bytes(2 << 10));
    with_default(&dispatch, || {
        info_span!("request", req_id = "r").in_scope(|| {
            debug!(n = 0, filling = "x".repeat(10_000), "step");
            debug!(n = 1, "step");
            error!(n = 2, "failed");
        });
    });
    assert!(guard.flush(LONG));
    assert_eq!(messages(&backend), ["request records missing", "step", "failed"]);
    assert_eq!(guard.counts().lost(LossReason::RecorderFull), 1);
}

#[test]
fn nothing_is_out_of_order_under_any_fire() {
    const THREADS: usize = 4;
    const REQUESTS: usize = 400;
    let script: Vec<Act> = (0..200)
        .map(|n| match n % 6 {
            0 => Act::Answer(500, "", ""),
            1 => Act::AtMost(30),
            2 => Act::AcceptAndClose,
            3 => Act::CloseMidway,
            _ => Act::Accept,
        })
        .collect();
    let backend = Backend::start(&script);
    let builder = recorder(&backend).recorder_bytes(96 << 10).request_records(20).queue_records(500);
    let (dispatch, _capture, guard) = start(builder);
    let steps = |request: usize| 1 + request % 37;
    let fails = |request: usize| request % 5 == 0;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let dispatch = &dispatch;
            scope.spawn(move || {
                with_default(dispatch, || {
                    // Some are under way at the same time.
                    for first in (thread * REQUESTS..(thread + 1) * REQUESTS).step_by(4) {
                        let open: Vec<_> = (first..first + 4)
                            .map(|request| (request, info_span!("request", req_id = format!("{request}"))))
                            .collect();
                        for n in 0..40 {
                            for (request, span) in &open {
                                span.in_scope(|| match steps(*request) {
                                    last if n < last => debug!(n, "step"),
                                    last if n == last && fails(*request) => error!(n, "failed"),
                                    _ => {}
                                });
                            }
                        }
                    }
                });
            });
        }
        for _ in 0..100 {
            let counts = guard.counts();
            assert_adds_up(&counts);
            assert!(counts.recorder_bytes <= 96 << 10, "{counts:?}");
        }
    });
    assert!(guard.flush(LONG), "{:?}", guard.counts());
    let counts = guard.counts();
    assert_adds_up(&counts);
    assert_eq!(counts.waiting, 0);
    let all = (0..THREADS * REQUESTS).filter(|request| fails(*request));
    let records: usize = all.map(|request| steps(request) + 1).sum();
    let gaps = counts.offered - records as u64;
    assert!(gaps < (THREADS * REQUESTS) as u64, "{counts:?}");
    let mut stories = BTreeMap::<String, Vec<usize>>::new();
    for line in backend.lines() {
        let record = read(&line);
        if let (Some(id), Some(n)) = (record["req_id"].as_str(), extra(&record).get("n")) {
            stories.entry(id.to_owned()).or_default().push(n.parse().unwrap());
        }
    }
    assert!(!stories.is_empty());
    for (id, story) in stories {
        let request: usize = id.parse().unwrap();
        assert!(fails(request), "{id} went well");
        assert!(story.is_sorted_by(|before, after| before < after), "{id}: {story:?}");
    }
}
