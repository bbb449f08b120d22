//! What is measured. The values are hidden from the optimizer; the message is a constant, as it should be.

use clap::ValueEnum;
use std::error::Error;
use std::fmt;
use std::hint::black_box;
use tracing::{Span, debug, error, field, info, info_span};

/// One of the workloads that the targets are stated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// An event with message, str, i64 and f64, in no span.
    A,
    /// The same inside two spans of four fields.
    B,
    /// A span of four fields: new, enter, exit, close.
    C,
    /// An ERROR with a message and an error with three sources, one below the other.
    D,
    /// An event that is disabled by its level.
    E,
    /// A whole request: two spans of four fields opened, one event, both closed.
    G,
    /// `record()` on the outer span, then an event inside both.
    H,
}

impl Workload {
    /// All, in the order of the table.
    pub(crate) const ALL: [Workload; 7] =
        [Workload::A, Workload::B, Workload::C, Workload::D, Workload::E, Workload::G, Workload::H];

    /// As the command line has it, and the head of the table.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Workload::A => "a",
            Workload::B => "b",
            Workload::C => "c",
            Workload::D => "d",
            Workload::E => "e",
            Workload::G => "g",
            Workload::H => "h",
        }
    }

    /// Does it so many times.
    #[inline(never)]
    pub(crate) fn run(self, events: u32) {
        match self {
            Workload::A => (0..events).for_each(|_| event()),
            Workload::B => {
                let outer = request_span();
                outer.in_scope(|| handler_span().in_scope(|| (0..events).for_each(|_| event())));
            }
            Workload::C => (0..events).for_each(|_| request_span().in_scope(|| {})),
            Workload::D => (0..events).for_each(|_| failure()),
            Workload::E => (0..events).for_each(|_| disabled()),
            Workload::G => (0..events).for_each(|_| request()),
            Workload::H => {
                let outer = anonymous_span();
                outer.in_scope(|| {
                    handler_span().in_scope(|| (0..events).for_each(|_| record_and_event(&outer)));
                });
            }
        }
    }
}

fn event() {
    info!(
        user = black_box("alice@example.org"),
        attempt = black_box(3_i64),
        seconds = black_box(0.125_f64),
        "user login"
    );
}

fn disabled() {
    debug!(
        user = black_box("alice@example.org"),
        attempt = black_box(3_i64),
        seconds = black_box(0.125_f64),
        "user login"
    );
}

fn request_span() -> Span {
    info_span!(
        "request",
        req_id = black_box("01919f2c-5b7e-7cc0-8a55-3d1f0c2b4a69"),
        url = black_box("/api/users/42?full=1"),
        ip = black_box("203.0.113.7"),
        ua = black_box("Mozilla/5.0 (X11; Linux x86_64)"),
    )
}

/// A request whose user is not known yet.
fn anonymous_span() -> Span {
    info_span!(
        "request",
        req_id = black_box("01919f2c-5b7e-7cc0-8a55-3d1f0c2b4a69"),
        url = black_box("/api/users/42?full=1"),
        ip = black_box("203.0.113.7"),
        uid = field::Empty,
    )
}

fn handler_span() -> Span {
    info_span!(
        "handler",
        operation = black_box("show_user"),
        tenant = black_box("acme"),
        shard = black_box(7_i64),
        cached = black_box(false),
    )
}

fn request() {
    request_span().in_scope(|| handler_span().in_scope(event));
}

fn record_and_event(outer: &Span) {
    outer.record("uid", black_box("4711"));
    event();
}

fn failure() {
    let error = Failure::<3>;
    error!(error = &error as &(dyn Error + 'static), "order failed");
}

/// An error with so many sources below it, one below the other.
#[derive(Debug)]
struct Failure<const SOURCES: u8>;

impl<const SOURCES: u8> fmt::Display for Failure<SOURCES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(black_box(match SOURCES {
            3 => "the order could not be paid",
            2 => "the bank did not answer",
            1 => "connection to bank.example.org:443 lost",
            _ => "connection reset by peer (os error 104)",
        }))
    }
}

impl Error for Failure<3> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Failure::<2>)
    }
}

impl Error for Failure<2> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Failure::<1>)
    }
}

impl Error for Failure<1> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Failure::<0>)
    }
}

impl Error for Failure<0> {}
