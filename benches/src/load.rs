//! A closed loop: so many connections, each with one request under way, for so long.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::http::{Answer, Connection};
use crate::reports::Report;

/// Longest time to an answer that the histogram holds, in microseconds.
const ANSWER_TIME_AT_MOST_US: u64 = 60_000_000;

/// How long after the end a connection may wait for its last answer.
const LAST_ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Errors that are kept in words; the rest is only counted.
const ERRORS_IN_WORDS: usize = 5;

/// Pause before a broken connection is opened again.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// What a load looks like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Connections at the same time.
    pub connections: usize,
    /// How long answers are not measured at first.
    pub warm_up: Duration,
    /// How long they are.
    pub duration: Duration,
}

/// What a load brought.
#[derive(Debug)]
pub struct Measured {
    /// Time to the answer, in microseconds, of every request that began and ended in the measured time.
    pub answer_times_us: Histogram<u64>,
    /// Reports acknowledged altogether, warm-up included: so many have to arrive.
    pub acknowledged: u64,
    /// Wrong answers and broken connections.
    pub errors: u64,
    /// Words for the first few.
    pub errors_in_words: Vec<String>,
    /// When the last answer came.
    pub last_answer: Instant,
}

/// The four keys of an answer, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportAnswer<'a> {
    status: &'a str,
    id: u64,
    fingerprint: &'a str,
    is_new: bool,
}

#[derive(Clone, Copy)]
struct Window {
    measured_from: Instant,
    until: Instant,
}

/// Sends `reports` round and round in the given shape. Needs a current-thread runtime with a `LocalSet`.
pub async fn run(address: SocketAddr, reports: Rc<Vec<Report>>, shape: Shape) -> Result<Measured> {
    let measured_from = Instant::now() + shape.warm_up;
    let window = Window { measured_from, until: measured_from + shape.duration };
    let measured = Rc::new(RefCell::new(Measured {
        answer_times_us: Histogram::new_with_max(ANSWER_TIME_AT_MOST_US, 3).context("histogram")?,
        acknowledged: 0,
        errors: 0,
        errors_in_words: Vec::new(),
        last_answer: Instant::now(),
    }));
    let mut connections = JoinSet::new();
    for index in 0..shape.connections {
        let first = index * reports.len() / shape.connections;
        connections.spawn_local(drive(address, Rc::clone(&reports), first, window, Rc::clone(&measured)));
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout_at((window.until + LAST_ANSWER_DEADLINE).into(), all).await.is_err() {
        bail!("{} connections got no answer in {} s", connections.len(), LAST_ANSWER_DEADLINE.as_secs());
    }
    drop(connections);
    Rc::into_inner(measured).map(RefCell::into_inner).context("a connection is still running")
}

async fn drive(
    address: SocketAddr,
    reports: Rc<Vec<Report>>,
    first: usize,
    window: Window,
    measured: Rc<RefCell<Measured>>,
) {
    let mut next = reports.iter().cycle().skip(first);
    while Instant::now() < window.until {
        if let Err(error) = converse(address, &mut next, window, &measured).await {
            measured.borrow_mut().note(format!("{error:#}"));
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }
}

/// One connection until it breaks or the time is over.
async fn converse<'a>(
    address: SocketAddr,
    reports: &mut impl Iterator<Item = &'a Report>,
    window: Window,
    measured: &RefCell<Measured>,
) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    for report in reports {
        let sent = Instant::now();
        if sent >= window.until {
            break;
        }
        let answer = connection.exchange(&report.request).await?;
        let answered = Instant::now();
        let problem = check(&answer, &report.fingerprint).err();
        let mut measured = measured.borrow_mut();
        measured.acknowledged += u64::from(answer.status == 200);
        measured.last_answer = answered;
        if sent >= window.measured_from && answered <= window.until {
            let micros = u64::try_from((answered - sent).as_micros()).unwrap_or(u64::MAX);
            measured.answer_times_us.saturating_record(micros);
        }
        if let Some(problem) = problem {
            measured.note(format!("{problem:#}"));
        }
    }
    Ok(())
}

fn check(answer: &Answer<'_>, fingerprint: &str) -> Result<()> {
    let text = || String::from_utf8_lossy(answer.body).into_owned();
    ensure!(answer.status == 200, "status {}: {}", answer.status, text());
    let parsed: ReportAnswer<'_> = serde_json::from_slice(answer.body).with_context(text)?;
    let status = if parsed.is_new { "ok" } else { "duplicate" };
    ensure!(parsed.status == status && parsed.id < 1 << 53, "contradicts itself: {}", text());
    ensure!(parsed.fingerprint == fingerprint, "fingerprint should be {fingerprint}: {}", text());
    Ok(())
}

impl Measured {
    fn note(&mut self, error: String) {
        self.errors += 1;
        if self.errors_in_words.len() < ERRORS_IN_WORDS {
            self.errors_in_words.push(error);
        }
    }
}
