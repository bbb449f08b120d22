//! A value of every kind that `tracing` knows, and what a record has to say of it.

use super::failure::Failure;
use super::text;
use fastrand::Rng;
use log_center::limits::VALUE_BYTES;
use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use tracing::field::{Value, debug, display};

/// What the panics say that are part of the plan.
pub(super) const PANIC: &str = "as planned";

/// `msg` of the events that come out of a `Debug`.
pub(super) const NESTED: &str = "from a Debug";

/// A value, to be made as often as it is needed.
#[derive(Debug, Clone)]
pub(super) enum Any {
    Text(String),
    Debug(String),
    Display(String),
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bytes(Vec<u8>),
    Failure(Failure),
    /// Writes this much and panics.
    Panics(String),
    /// Logs, and then writes this.
    Logs(String),
}

/// What a record has to show.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) meant: Meant,
    /// What of it is looked at, before it is escaped.
    pub(super) raw_limit: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Meant {
    Text(String),
    /// In whatever spelling.
    Float(f64),
}

impl Any {
    pub(super) fn random(rng: &mut Rng) -> Self {
        match rng.u8(..64) {
            0..24 => Any::Text(text::any(rng)),
            24..30 => Any::Debug(text::any(rng)),
            30..36 => Any::Display(text::any(rng)),
            36..38 => Any::Bool(rng.bool()),
            38..42 => Any::I64(rng.i64(..)),
            42..44 => Any::U64(rng.u64(..)),
            44..46 => Any::I128(rng.i128(..)),
            46..48 => Any::U128(rng.u128(..)),
            48..52 => Any::F64(text::float(rng)),
            52..55 => Any::Bytes((0..rng.usize(0..40)).map(|_| rng.u8(..)).collect()),
            55..62 => Any::Failure(Failure::any(rng)),
            62 => Any::Panics(text::any(rng)),
            _ => Any::Logs(text::any(rng)),
        }
    }

    pub(super) fn made(&self) -> Box<dyn Value> {
        match self.clone() {
            Any::Text(text) => Box::new(text),
            Any::Debug(text) => Box::new(debug(text)),
            Any::Display(text) => Box::new(display(text)),
            Any::Bool(truth) => Box::new(truth),
            Any::I64(number) => Box::new(number),
            Any::U64(number) => Box::new(number),
            Any::I128(number) => Box::new(number),
            Any::U128(number) => Box::new(number),
            Any::F64(number) => Box::new(number),
            Any::Bytes(bytes) => Box::new(bytes.into_boxed_slice()),
            Any::Failure(failure) => {
                let error: Box<dyn Error + 'static> = failure.make();
                Box::new(error)
            }
            Any::Panics(text) => Box::new(debug(Panics(text))),
            Any::Logs(text) => Box::new(debug(Logs(text))),
        }
    }

    pub(super) fn shown(&self) -> Shown {
        let text = |text: &str| Meant::Text(text.to_owned());
        let (meant, raw_limit) = match self {
            Any::Text(own) => (text(own), usize::MAX),
            Any::Display(own) => (text(own), VALUE_BYTES),
            Any::Logs(own) => (text(own), VALUE_BYTES),
            Any::Debug(own) => (Meant::Text(format!("{own:?}")), VALUE_BYTES),
            Any::Panics(own) => (Meant::Text(format!("{own}<panicked>")), VALUE_BYTES),
            Any::Bool(truth) => (Meant::Text(truth.to_string()), usize::MAX),
            Any::I64(number) => (Meant::Text(number.to_string()), usize::MAX),
            Any::U64(number) => (Meant::Text(number.to_string()), usize::MAX),
            Any::I128(number) => (Meant::Text(number.to_string()), usize::MAX),
            Any::U128(number) => (Meant::Text(number.to_string()), usize::MAX),
            Any::F64(number) => (Meant::Float(*number), usize::MAX),
            Any::Bytes(bytes) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                (Meant::Text(digits), VALUE_BYTES)
            }
            Any::Failure(failure) => {
                let chain = failure.chain();
                let shown = chain.len().min(log_center::limits::ERROR_SOURCES + 1);
                (Meant::Text(chain[..shown].join(": ")), VALUE_BYTES)
            }
        };
        Shown { meant, raw_limit }
    }

    /// How many events its formatting logs.
    pub(super) fn logs(&self) -> usize {
        usize::from(matches!(self, Any::Logs(_)))
    }
}

struct Panics(String);

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)?;
        panic_any(PANIC);
    }
}

struct Logs(String);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!("{NESTED}");
        f.write_str(&self.0)
    }
}
