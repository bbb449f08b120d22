//! Records from services that log bunyan JSON, some thousand a body.

use super::route::{Asked, of_path as route_of};
use super::{EventSource, Events, Rejected, SourceError, clamp};
use crate::event::{self, Event, Identity, RequestKey, Senders};
use log_center_wire::batch::{self, BatchError};
use log_center_wire::limits::{BATCH_BODY_BYTES, BATCH_RECORDS, BATCH_WIRE_BYTES};
use log_center_wire::{Record, UnixMillis};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;
use utoipa::ToSchema;

/// A batch: NDJSON, one JSON array, or one object. A bad record costs nothing but itself.
pub struct Records;

/// The answer to a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// How many records are kept, those included that had been here before.
    accepted: usize,
    /// The ones that are not, each with its place in the batch from 0.
    rejected: Vec<Rejected>,
}

impl EventSource for Records {
    const ORIGIN: event::Source = event::Source::Record;
    const CONTENT_TYPES: &'static [&'static str] = &[
        "application/json",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "text/plain",
    ];
    const WIRE_BYTES: usize = BATCH_WIRE_BYTES;
    const BODY_BYTES: usize = BATCH_BODY_BYTES;
    const BODY_TIMEOUT: Duration = Duration::from_secs(30);
    type Answer = BatchAnswer;

    fn read<'b>(body: &'b [u8], events: &mut Events<'b>) -> Result<Self, SourceError> {
        let lines = batch::split(body).map_err(|error| match error {
            BatchError::Malformed(error) => SourceError::Document(error),
            BatchError::TooManyRecords => SourceError::TooMany { most: BATCH_RECORDS },
            BatchError::Empty => SourceError::Empty,
        })?;
        // The occurrences that are equal to the letter: the same error twice in one millisecond is two all the same.
        let mut seen: HashMap<&'b [u8], u32> = HashMap::new();
        for (index, line) in lines.into_iter().enumerate() {
            match Record::decode(line) {
                Ok(record) => {
                    let identity = || {
                        let ordinal = seen.entry(line).or_default();
                        *ordinal += 1;
                        Identity::of_content(line, *ordinal - 1)
                    };
                    events.accept(event(record, events.received_at, identity));
                }
                Err(error) => events.reject(index, &error),
            }
        }
        Ok(Self)
    }

    fn keys(&self, key: Option<&str>, senders: &Senders, body: &[u8]) -> Vec<RequestKey> {
        key.map(|key| RequestKey::of_batch(key, senders, body)).into_iter().collect()
    }

    fn answer(self, _: bool, accepted: usize, rejected: Vec<Rejected>) -> BatchAnswer {
        BatchAnswer { accepted, rejected }
    }
}

/// The event that a record is. `identity` gives what it is known by if it is an occurrence of an issue and has no id of its
/// own.
fn event<'b>(
    mut record: Record<'b>,
    received_at: UnixMillis,
    identity: impl FnOnce() -> Identity,
) -> Event<'b> {
    let (time, client_time) = clamp(record.time, received_at);
    let fingerprint = record.fingerprint();
    let identity = fingerprint.map(|_| match record.event_id.is_empty() {
        true => identity(),
        false => Identity::of_event(&record.name, &record.event_id),
    });
    let Asked { method, route, status } = Asked::of(&record.event, &record.extra, &record.client.url);
    let (method, route) = (Cow::Owned(method.into_owned()), Cow::Owned(route.into_owned()));
    let service_route = Cow::Owned(route_of(&record.service_req.path).into_owned());
    let err = record.err.take().unwrap_or_default();
    Event {
        received_at,
        time,
        client_time: client_time.into(),
        source: event::Source::Record,
        method,
        route,
        status,
        fingerprint,
        err_type: err.error_type,
        err_msg: err.msg,
        err_stack: err.stack,
        err_file_path: err.file_path,
        err_line_number: err.line_number,
        service_route,
        perf_rss: record.perf.map(|perf| perf.rss),
        perf_cpu: record.perf.map(|perf| perf.cpu),
        event_id: std::mem::take(&mut record.event_id),
        identity,
        ..Event::sent(&mut record)
    }
}
