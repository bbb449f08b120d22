//! Where the next things of the spool go, read back from the disk when it is opened.

use super::SpoolError;
use super::database::{
    META_APPENDED, META_FROZEN, META_POSITION, META_SEQUENCE, META_SINCE, META_STORED, Shared, Tables, disk,
    u64_of,
};
use super::entry::Entry;
use super::index::KeyRange;
use super::mark::Range;
use crate::clock::{now, unix_micros};
use log_center_wire::UnixMillis;
use std::sync::atomic::Ordering;

/// Where the next things go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    /// The next entry.
    pub(super) next_entry: u64,
    /// Events ever appended.
    pub(super) appended_events: u64,
    /// Bytes ever appended.
    pub(super) appended_bytes: u64,
    /// The next transition.
    pub(super) next_sequence: u64,
    pub(super) keys: KeyRange,
}

impl Counters {
    pub(super) fn read(shared: &Shared, tables: &Tables) -> Result<Self, SpoolError> {
        let position = number(tables, META_POSITION)?;
        let mut next_entry = position;
        let (mut appended_bytes, mut waiting_bytes) = (0, 0);
        // From the position on: before it lie the tombstones of everything that ever passed.
        if let Some(guard) = tables.entries.range(position.to_be_bytes()..).next_back() {
            let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
            next_entry = u64_of(&key).unwrap_or(position).max(position) + 1;
            appended_bytes = Entry::parse(&value)?.start + value.len() as u64;
            if let Some(guard) = tables.entries.range(position.to_be_bytes()..).next() {
                let (_, first) = guard.into_inner().map_err(|error| disk(&error))?;
                waiting_bytes = appended_bytes - Entry::parse(&first)?.start;
            }
        }
        // What was sent keeps its positions, also if a part of it is lost.
        let frozen = tables.meta.get(META_FROZEN).map_err(|error| disk(&error))?;
        let frozen_end = frozen.and_then(|value| Range::read(&value)).map_or(0, |range| range.end);
        next_entry = next_entry.max(frozen_end);
        let appended_events = number(tables, META_APPENDED)?;
        let since = number(tables, META_SINCE)?.try_into().map(UnixMillis).unwrap_or_else(|_| now());
        shared.account.read(appended_events, number(tables, META_STORED)?, position, since);
        let next_sequence =
            tables.meta_u64(META_SEQUENCE).map_err(|error| disk(&error))?.unwrap_or_else(unix_micros);
        shared.waiting_bytes.store(waiting_bytes, Ordering::Relaxed);
        shared.end.send_replace(next_entry);
        Ok(Self {
            next_entry,
            appended_events,
            appended_bytes,
            next_sequence,
            keys: KeyRange::read(tables).map_err(|error| disk(&error))?,
        })
    }
}

/// A number that is 0 in a new spool.
fn number(tables: &Tables, name: &[u8]) -> Result<u64, SpoolError> {
    Ok(tables.meta_u64(name).map_err(|error| disk(&error))?.unwrap_or(0))
}
