//! What arrives, from the bytes of a body to events: a file a source. A new one is a file here and a route.
//!
//! Nothing here looks at a clock, a disk or a network: the receiving time is handed in, and whether an event is new, a
//! duplicate or a regression is for the spool to say.

pub mod record;
pub mod report;
mod route;

use crate::event::retention::Retention;
use crate::event::{self, Block, Encoder, Event, RequestKey, Senders};
use log_center_wire::decode::DecodeError;
use log_center_wire::{UnixMillis, limits};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A way in which events come: what its bodies may be, how they are read, and what is answered.
pub trait EventSource: Sized + Send + 'static {
    /// By which way its events came.
    const ORIGIN: event::Source;

    /// What a body may call itself. No content type at all is always accepted.
    const CONTENT_TYPES: &'static [&'static str];

    /// Most bytes of a body as it comes over the wire.
    const WIRE_BYTES: usize;

    /// Most bytes of a body after decompression.
    const BODY_BYTES: usize;

    /// How long a body may take from the end of the head to its last byte.
    const BODY_TIMEOUT: Duration;

    /// What is answered.
    type Answer: Serialize;

    /// Reads a body. Its good events go into `events`, and those among several that are bad, each by itself.
    ///
    /// # Errors
    /// What concerns the body as a whole.
    fn read<'b>(body: &'b [u8], events: &mut Events<'b>) -> Result<Self, SourceError>;

    /// What the whole request is known by if it comes again; `key` is that of its head.
    fn keys(&self, key: Option<&str>, senders: &Senders, body: &[u8]) -> Vec<RequestKey>;

    /// What is answered when the events are durable. `is_new`: the first of them made its issue.
    fn answer(self, is_new: bool, accepted: usize, rejected: Vec<Rejected>) -> Self::Answer;
}

/// Why a body is refused as a whole.
#[derive(Debug)]
pub enum SourceError {
    /// It cannot be read, or one of its fields is refused.
    Document(DecodeError),
    /// It holds more events than it may.
    TooMany {
        /// How many that are.
        most: usize,
    },
    /// It holds no event.
    Empty,
}

/// Collects what a body holds.
pub struct Events<'b> {
    received_at: UnixMillis,
    retention: &'b Retention,
    encoder: Encoder<'b>,
    /// Whose the events are; `None` if nobody asks, because the request has no key.
    senders: Option<Senders>,
    accepted: usize,
    rejected: Vec<Rejected>,
}

/// What a body held.
pub struct Collected {
    /// The good events.
    pub blocks: Vec<Block>,
    /// How many those are.
    pub accepted: usize,
    /// Whose those are.
    pub senders: Senders,
    /// The others.
    pub rejected: Vec<Rejected>,
}

/// An event that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rejected {
    index: usize,
    pub(crate) code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl<'b> Events<'b> {
    /// None yet, of a request that arrives now and has a key or has none.
    pub fn new(received_at: UnixMillis, retention: &'b Retention, has_key: bool) -> Self {
        Self {
            received_at,
            retention,
            encoder: Encoder::default(),
            senders: has_key.then(Senders::default),
            accepted: 0,
            rejected: Vec::new(),
        }
    }

    fn accept(&mut self, mut event: Event<'b>) {
        event.retention_days = self.retention.days(&event.project, &event.scope);
        if let Some(senders) = &mut self.senders {
            senders.note(&event);
        }
        self.encoder.push(event);
        self.accepted += 1;
    }

    /// Notes why the event at this place of the body, counted from 0, is refused.
    fn reject(&mut self, index: usize, error: &DecodeError) {
        self.rejected.push(Rejected {
            index,
            code: error.code().as_str(),
            message: error.message().to_owned(),
            field: error.field().map(str::to_owned),
        });
    }

    /// All of it.
    pub fn finish(self) -> Collected {
        Collected {
            blocks: self.encoder.finish(),
            accepted: self.accepted,
            senders: self.senders.unwrap_or_default(),
            rejected: self.rejected,
        }
    }
}

/// Client clocks lie. A time far from the receiving time is replaced by it; the original is kept as text.
fn clamp(time: UnixMillis, received_at: UnixMillis) -> (UnixMillis, String) {
    let sane = received_at.0 - limits::TIME_PAST_MS..=received_at.0 + limits::TIME_FUTURE_MS;
    if sane.contains(&time.0) {
        return (time, String::new());
    }
    (received_at, time.to_string())
}
