use super::server::Server;
use anyhow::{Result, ensure};
use fastrand::Rng;
use log_center::{ForwardMode, Guard, LossReason};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;
use tracing::field::Empty;
use tracing::{Dispatch, Span};
use tracing_subscriber::prelude::*;

/// What is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    /// Only ERROR.
    Errors,
    /// Everything.
    All,
    /// The flight recorder.
    OnError,
}

/// Requests that are under way at the same time.
const OPEN: usize = 64;

/// Events of a request: each has as many.
const EVENTS: u64 = 10;

/// One of so many requests fails, in the middle of it.
const FAILS: u32 = 10;

/// One of so many events has a large field.
const LARGE: u32 = 1_000;

/// A layer with its load.
pub(super) struct Subject {
    pub(super) mode: Mode,
    server: Server,
    dispatch: Dispatch,
    guard: Guard,
    rng: Rng,
    open: VecDeque<Request>,
    events: u64,
    errors: u64,
    failing_requests: u64,
}

struct Request {
    span: Span,
    left: u64,
    fails: bool,
}

impl Subject {
    /// What the columns of [`row`](Self::row) are.
    pub(super) const HEADING: &str =
        "| mode | server | events | offered | waiting | lost | by reason |\n|---|---|--:|--:|--:|--:|---|";

    pub(super) fn start(mode: Mode, server: Server, url: &str) -> Result<Self> {
        let forward = match mode {
            Mode::Errors => ForwardMode::Errors,
            Mode::All => ForwardMode::All,
            Mode::OnError => ForwardMode::OnError,
        };
        let name = format!("{mode:?}-{server:?}").to_lowercase();
        let builder = log_center::layer(name).endpoint(url).forward(forward).writer(io::sink);
        let (layer, guard) = builder.flush_timeout(Duration::ZERO).build()?;
        Ok(Self {
            mode,
            server,
            dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)),
            guard,
            rng: Rng::with_seed(7),
            open: VecDeque::new(),
            events: 0,
            errors: 0,
            failing_requests: 0,
        })
    }

    /// As many requests, of which some overlap.
    pub(super) fn log(&mut self, requests: usize) {
        let dispatch = self.dispatch.clone();
        tracing::dispatcher::with_default(&dispatch, || {
            for _ in 0..requests {
                self.begin();
                while self.open.len() >= OPEN {
                    self.go_on();
                }
            }
        });
    }

    /// Ends what is under way.
    pub(super) fn finish(&mut self) {
        let dispatch = self.dispatch.clone();
        tracing::dispatcher::with_default(&dispatch, || {
            while !self.open.is_empty() {
                self.go_on();
            }
        });
    }

    fn begin(&mut self) {
        let number = self.rng.u64(..);
        let span = tracing::info_span!(
            "request",
            req_id = format!("{number:032x}"),
            url = "/orders/17?full=true",
            ip = "192.0.2.7",
            ua = "soak",
            uid = Empty
        );
        let fails = self.rng.u32(..FAILS) == 0;
        self.failing_requests += u64::from(fails);
        self.open.push_back(Request { span, left: EVENTS, fails });
    }

    /// One event of one of the requests.
    fn go_on(&mut self) {
        let Some(mut request) = self.open.pop_front() else { return };
        let entered = request.span.enter();
        let n = self.rng.u32(..);
        request.left -= 1;
        match request.left {
            8 => {
                request.span.record("uid", n);
                tracing::info!(n, "user known");
            }
            4 if request.fails => {
                self.errors += 1;
                let error = Declined { source: io::ErrorKind::ConnectionReset.into() };
                tracing::error!(error = &error as &dyn Error, n, "payment failed");
            }
            3 => tracing::info!(n, amount = 12.5, currency = "eur", "order placed"),
            _ if self.rng.u32(..LARGE) == 0 => {
                tracing::debug!(body = "large ".repeat(self.rng.usize(1..3_000)), "large");
            }
            left => tracing::debug!(n, left, table = "orders", "row read"),
        }
        drop(entered);
        self.events += 1;
        if request.left > 0 {
            self.open.push_back(request);
        }
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// How many records were offered, and how many of them are lost.
    pub(super) fn fate(&self) -> (u64, u64) {
        let counts = self.guard.counts();
        (counts.offered, counts.lost_in_all())
    }

    pub(super) fn row(&self) -> String {
        let counts = self.guard.counts();
        let reasons = LossReason::ALL.map(|reason| (reason.as_str(), counts.lost(reason)));
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(_, lost)| *lost > 0)
            .map(|(name, lost)| format!("{name} {lost}"))
            .collect();
        format!(
            "| {:?} | {:?} | {} | {} | {} | {} | {} |",
            self.mode,
            self.server,
            self.events,
            counts.offered,
            counts.waiting,
            counts.lost_in_all(),
            reasons.join(", ")
        )
    }

    /// Whether every event is accounted for.
    pub(super) fn check(&self) -> Result<()> {
        let counts = self.guard.counts();
        let who = format!("{:?}, {:?}: {counts:?}", self.mode, self.server);
        let meant = match self.mode {
            Mode::Errors => self.errors,
            Mode::All => self.events,
            Mode::OnError => self.failing_requests * EVENTS,
        };
        ensure!(counts.written == self.events, "{} lines for {} events; {who}", counts.written, self.events);
        ensure!(counts.unwritten + counts.nested == 0, "{who}");
        ensure!(counts.offered == meant, "{} records and not {meant} were offered; {who}", counts.offered);
        ensure!(counts.accepted == 0, "nobody accepts anything; {who}");
        ensure!(counts.offered == counts.waiting + counts.lost_in_all(), "it does not add up; {who}");
        let only_full = counts.lost_in_all() == counts.lost(LossReason::QueueFull);
        ensure!(only_full, "the queue was full, and nothing else happened; {who}");
        Ok(())
    }
}

/// An error with a source.
#[derive(Debug)]
struct Declined {
    source: io::Error,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl Error for Declined {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
