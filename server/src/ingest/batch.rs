//! A batch of records, from its bytes to the blocks that are stored.

use super::{fast, record};
use crate::event::retention::Retention;
use crate::event::{Block, Encoder, Event, Identity, Senders};
use log_center_wire::batch::{self, BatchError};
use log_center_wire::decode::DecodeError;
use log_center_wire::{Record, UnixMillis};
use std::collections::HashMap;

/// What a batch held.
#[derive(Debug)]
pub struct Batch {
    /// The good records.
    pub blocks: Vec<Block>,
    /// How many those are.
    pub accepted: usize,
    /// Whose those are.
    pub senders: Senders,
    /// The others, each with its place in the batch from 0 and why.
    pub rejected: Vec<(usize, DecodeError)>,
}

/// Reads NDJSON, one JSON array, or one object. A bad record costs nothing but itself.
///
/// # Errors
/// What concerns the batch as a whole.
pub fn decode(body: &[u8], received_at: UnixMillis, retention: &Retention) -> Result<Batch, BatchError> {
    let lines = batch::split(body)?;
    let mut encoder = Encoder::default();
    let mut accepted = 0;
    let mut senders = Senders::default();
    let mut rejected = Vec::new();
    let mut seen = HashMap::new();
    for (index, line) in lines.into_iter().enumerate() {
        match event(line, received_at, &mut seen) {
            Ok(mut event) => {
                event.retention_days = retention.days(&event.project, &event.scope);
                senders.note(&event);
                encoder.push(event);
                accepted += 1;
            }
            Err(error) => rejected.push((index, error)),
        }
    }
    Ok(Batch { accepted, senders, blocks: encoder.finish(), rejected })
}

/// The event that a record is. `seen` counts the occurrences in the batch that are equal to the letter: the same error
/// twice in one millisecond is two all the same.
fn event<'a>(
    line: &'a [u8],
    received_at: UnixMillis,
    seen: &mut HashMap<&'a [u8], u32>,
) -> Result<Event<'a>, DecodeError> {
    let mut identity = || {
        let ordinal = seen.entry(line).or_default();
        *ordinal += 1;
        Identity::of_content(line, *ordinal - 1)
    };
    match fast::record(line, received_at, &mut identity) {
        Some(event) => Ok(event),
        None => Ok(record(Record::decode(line)?, received_at, identity)),
    }
}
