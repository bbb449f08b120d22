//! Where the next things of the spool go, read back from the disk when it is opened.

use super::SpoolError;
use super::database::{
    META_APPENDED, META_BATCH, META_SEQUENCE, META_SINCE, META_STORED, Shared, Tables, disk, u64_of,
};
use super::entry::Entry;
use super::index::KeyRange;
use super::lane::Lane;
use crate::clock::now;
use log_center_wire::UnixMillis;
use std::sync::atomic::Ordering;

/// Where the next things go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    /// The next entry, of whichever lane.
    pub(super) next_entry: u64,
    /// Events ever appended.
    pub(super) appended_events: u64,
    /// Bytes ever appended, by lane.
    pub(super) appended_bytes: [u64; 2],
    pub(super) keys: KeyRange,
}

/// What waits in one lane.
#[derive(Default)]
pub(super) struct Waiting {
    /// The first entry and the last.
    pub(super) ends: Option<(u64, u64)>,
    /// Bytes ever appended to the lane before the first, and behind the last.
    start: u64,
    end: u64,
}

impl Counters {
    pub(super) fn read(shared: &Shared, tables: &Tables) -> Result<Self, SpoolError> {
        let (position, cursor) = (tables.position()?, tables.cursor()?);
        let waiting = [
            Waiting::read(tables, Lane::Main, position)?,
            Waiting::read(tables, Lane::Late, cursor.position)?,
        ];
        // What was sent keeps its positions, also if a part of it is lost.
        let frozen_end = tables.frozen()?.map_or(0, |range| range.end);
        let next_entry = waiting
            .iter()
            .map(Waiting::next_entry)
            .fold(position.max(cursor.end).max(frozen_end), |next, after| next.max(after));
        let appended_events = number(tables, META_APPENDED)?;
        let since = number(tables, META_SINCE)?.try_into().map(UnixMillis).unwrap_or_else(|_| now());
        let reached = tables.reached(position, cursor, next_entry)?.all();
        shared.account.read(appended_events, number(tables, META_STORED)?, reached, since);
        for given in [META_BATCH, META_SEQUENCE] {
            shared.numbers.see(number(tables, given)?);
        }
        for (bytes, waiting) in shared.waiting_bytes.iter().zip(&waiting) {
            bytes.store(waiting.bytes(), Ordering::Relaxed);
        }
        shared.end.send_replace(next_entry);
        Ok(Self {
            next_entry,
            appended_events,
            appended_bytes: waiting.map(|waiting| waiting.end),
            keys: KeyRange::read(tables).map_err(|error| disk(&error))?,
        })
    }
}

impl Waiting {
    /// What a lane holds from this position on: before it lie the tombstones of everything that ever passed.
    pub(super) fn read(tables: &Tables, lane: Lane, position: u64) -> Result<Self, SpoolError> {
        let range = || tables.lane(lane).range(position.to_be_bytes()..);
        let (Some(first), Some(last)) = (range().next(), range().next_back()) else {
            return Ok(Self::default());
        };
        let (first_key, first) = first.into_inner().map_err(|error| disk(&error))?;
        let (last_key, last) = last.into_inner().map_err(|error| disk(&error))?;
        Ok(Self {
            ends: u64_of(&first_key).zip(u64_of(&last_key)),
            start: Entry::parse(&first)?.start,
            end: Entry::parse(&last)?.start + last.len() as u64,
        })
    }

    /// The position behind the last entry; 0 if there is none.
    pub(super) fn next_entry(&self) -> u64 {
        self.ends.map_or(0, |(_, last)| last + 1)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// A number that is 0 in a new spool.
fn number(tables: &Tables, name: &[u8]) -> Result<u64, SpoolError> {
    Ok(tables.meta_u64(name).map_err(|error| disk(&error))?.unwrap_or(0))
}
