//! Sending a batch until the server has answered.

use super::batch::{Batch, Refused};
use super::ledger::{Kept, Ledger};
use super::limits::{BACKOFF_FIRST, BACKOFF_MOST, RETRY_AFTER_MOST};
use super::stop::Stop;
use crate::client::{CallError, Client, unreadable};
use clap::ValueEnum;
use flate2::write::GzEncoder;
use serde::Deserialize;
use std::io::Write as _;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;

/// Where batches go.
const PATH: &str = "/api/v1/events";

/// How bodies are compressed on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Encoding {
    /// Fast and small.
    Zstd,
    /// Where something between here and the server knows no zstd.
    Gzip,
    /// Not at all: the least work, where the way costs nothing.
    None,
}

/// What one thread sends with.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) ledger: &'a Ledger,
    pub(super) stop: &'a Stop,
    pub(super) encoding: Encoding,
    /// What makes the key of a batch unlike that of the same bytes in another import; files have none.
    pub(super) run: Option<&'a str>,
    /// How long the server may be away; `None` = for ever.
    pub(super) patience: Option<Duration>,
    /// A server that was never there is not waited for.
    pub(super) must_be_there: bool,
    /// What was read is sent even when it is time to stop.
    pub(super) is_pipe: bool,
}

/// By which the server says how many of the accepted records it had before, and so does not store again.
const KNOWN_HEADER: &str = "log-center-known";

/// The answer to a batch.
#[derive(Deserialize)]
struct Answer {
    accepted: u64,
    rejected: Vec<Rejected>,
    #[serde(skip)]
    known: u64,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
    code: String,
    message: String,
}

/// Why a batch was not dealt with.
enum Failure {
    /// It is time to stop.
    Stopped,
    /// The server does not take it, or cannot be waited for any longer.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Final(error)
    }
}

impl Sender<'_> {
    /// Sends a batch and notes what came of it. After a failure everything stops.
    pub(super) fn deliver(&self, mut batch: Batch) {
        if self.stop.has_failed() || (self.stop.is_set() && !self.is_pipe) {
            return;
        }
        let mut refused = Vec::new();
        let outcome = self.send(&batch, &mut refused);
        let outcome = outcome.and_then(|kept| Ok(self.ledger.done(&mut batch, kept, refused)?));
        if let Err(Failure::Final(error)) = outcome {
            self.stop.fail(error);
        }
    }

    /// What was accepted. What a single request cannot hold is sent in parts.
    fn send(&self, batch: &Batch, refused: &mut Vec<Refused>) -> Result<Kept, Failure> {
        if batch.numbers.is_empty() {
            return Ok(Kept::default());
        }
        match self.post(batch)? {
            Ok(answer) => {
                refused.extend(answer.rejected.into_iter().map(|rejected| of_server(batch, rejected)));
                let known = answer.known.min(answer.accepted);
                Ok(Kept { new: answer.accepted - known, known })
            }
            // A server whose limits are smaller than this program knows.
            Err(_) if batch.numbers.len() > 1 => {
                let mut kept = Kept::default();
                for half in batch.halves() {
                    kept += self.send(&half, refused)?;
                }
                Ok(kept)
            }
            Err(error) => {
                let line = batch.numbers.first().copied().unwrap_or_default();
                refused.push(Refused { line, reason: error.to_string(), text: batch.line(0).to_vec() });
                Ok(Kept::default())
            }
        }
    }

    /// The inner error is that the batch is too large.
    fn post(&self, batch: &Batch) -> Result<Result<Answer, CallError>, Failure> {
        let key = match self.run {
            Some(run) => format!("import-{run}-{:x}", batch.place.start),
            None => batch.key(),
        };
        let mut headers = vec![("content-type", "application/x-ndjson"), ("idempotency-key", &key)];
        let packed = pack(self.encoding, &batch.body).map_err(anyhow::Error::from)?;
        match self.encoding {
            Encoding::Zstd => headers.push(("content-encoding", "zstd")),
            Encoding::Gzip => headers.push(("content-encoding", "gzip")),
            Encoding::None => {}
        }
        let body = packed.as_deref().unwrap_or(&batch.body);
        let began = Instant::now();
        let mut pause = BACKOFF_FIRST;
        loop {
            let error = match self.attempt(&headers, body) {
                Ok(answer) => {
                    self.ledger.answered();
                    return Ok(Ok(answer?));
                }
                Err(error) => error,
            };
            match error.status() {
                Some(StatusCode::PAYLOAD_TOO_LARGE) => return Ok(Err(error)),
                _ if !error.may_pass() => return Err(Failure::Final(error.into())),
                _ => {}
            }
            let was_never_there = error.status().is_none() && !self.ledger.was_there();
            let is_over = (self.must_be_there && was_never_there)
                || self.patience.is_some_and(|patience| began.elapsed() >= patience);
            if is_over {
                return Err(Failure::Final(error.into()));
            }
            let wanted = error.retry_after().unwrap_or_default().min(RETRY_AFTER_MOST);
            self.ledger.trouble(&error, "trying again");
            self.stop.pause(wanted.max(pause.mul_f64(1.0 - fastrand::f64() / 2.0)));
            if self.stop.is_set() {
                return Err(Failure::Stopped);
            }
            pause = (pause * 2).min(BACKOFF_MOST);
        }
    }

    /// The outer error may pass; the inner one is that the answer cannot be read.
    fn attempt(
        &self,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Result<Answer, anyhow::Error>, CallError> {
        let (text, known) = match self.client.post(PATH, headers, body) {
            Ok(answer) => {
                let known =
                    answer.headers().get(KNOWN_HEADER).and_then(|count| count.to_str().ok()?.parse().ok());
                // A server that does not say so has stored all of them, as far as anybody knows.
                (self.client.text(answer)?, known.unwrap_or(0))
            }
            // None of them was good, which is an answer like others.
            Err(CallError::Refused(refusal)) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
                match serde_json::from_str(&refusal.body) {
                    Ok(answer) => return Ok(Ok(answer)),
                    Err(_) => return Err(CallError::Refused(refusal)),
                }
            }
            Err(error) => return Err(error),
        };
        let answer = serde_json::from_str(&text).map(|answer| Answer { known, ..answer });
        Ok(answer.map_err(|error| unreadable(&error)))
    }
}

fn of_server(batch: &Batch, rejected: Rejected) -> Refused {
    Refused {
        line: batch.numbers.get(rejected.index).copied().unwrap_or_default(),
        reason: format!("{} ({})", rejected.message, rejected.code),
        text: batch.line(rejected.index).to_vec(),
    }
}

/// `None` if it goes as it is.
fn pack(encoding: Encoding, body: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    match encoding {
        Encoding::Zstd => zstd::bulk::compress(body, 1).map(Some),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
            encoder.write_all(body)?;
            encoder.finish().map(Some)
        }
        Encoding::None => Ok(None),
    }
}
