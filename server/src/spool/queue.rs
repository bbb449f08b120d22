//! The other end of the spool: what goes to ClickHouse, in batches that stay the same however often they are sent.

use super::database::{
    META_BATCH, META_FROZEN, META_LATE, META_POSITION, META_SINCE, META_STORED, Shared, Tables, disk,
};
use super::entry::Kind;
use super::lane::{Lane, Range, Reached};
use super::{Message, SpoolError, assemble, failure};
use crate::clock::unix_ms;
use bytes::Bytes;
use fjall::PersistMode;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};

/// The reader of the spool. One writer at a time works with it.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
    /// To the spool's thread, which ends when all handles of the spool are gone.
    thread: mpsc::WeakSender<Message>,
}

/// A range of entries whose batches have their numbers, on disk, before the first of them is sent.
#[derive(Debug)]
pub struct Frozen {
    range: Range,
    /// Whether a run before this one may have sent some of it.
    pub is_resumed: bool,
    /// What is sent, in this order.
    pub batches: Vec<FrozenBatch>,
}

/// Rows of one table and one day: one insert, which ClickHouse does as a whole or not at all.
#[derive(Debug)]
pub struct FrozenBatch {
    /// Names the insert; greater than that of every batch of this server before. See [`number`](crate::number).
    pub number: u64,
    /// The table.
    pub kind: Kind,
    /// The version of the columns.
    pub version: u8,
    /// The day of the events, counted from 1970-01-01.
    pub day: i32,
    /// How many rows.
    pub rows: u64,
    /// Entries of its range are lost: a run before this one may have sent more rows under this number.
    pub is_partial: bool,
    /// The rows, in the kind's format.
    pub bytes: Bytes,
}

/// What waits, lane by lane.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// A range has its numbers and has not left: it comes first, whatever lane it is of.
    pub is_frozen: bool,
    /// Something waits in the main lane.
    pub main: bool,
    /// Something waits in the late lane.
    pub late: bool,
    /// A range of the late lane is sent in part.
    pub is_late_begun: bool,
    /// The position behind the last entry when this was looked at.
    pub end: u64,
    bytes: [u64; 2],
}

impl Waits {
    /// How many bytes wait in a lane.
    pub fn bytes(&self, lane: Lane) -> u64 {
        self.bytes[lane as usize]
    }
}

impl Frozen {
    /// The lane that it is of.
    pub fn lane(&self) -> Lane {
        self.range.lane()
    }

    /// Whether its entries leave when it is in ClickHouse: a slice of the late lane may have others after it.
    pub fn is_whole(&self) -> bool {
        self.range.last_day.is_none_or(|last| last == Range::END)
    }
}

impl Queue {
    pub(super) fn new(shared: Arc<Shared>, thread: mpsc::WeakSender<Message>) -> Self {
        Self { shared, thread }
    }

    /// The position behind the last entry, now and whenever it moves.
    pub fn end(&self) -> watch::Receiver<u64> {
        self.shared.end.subscribe()
    }

    /// Where the lanes are.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn reached(&self) -> Result<Reached, SpoolError> {
        self.reading(|| self.try_reached())
    }

    fn try_reached(&self) -> Result<Reached, SpoolError> {
        let end = *self.shared.end.borrow();
        let tables = self.shared.tables()?;
        tables.reached(tables.position()?, tables.cursor()?, end)
    }

    /// What waits.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn waits(&self) -> Result<Waits, SpoolError> {
        self.reading(|| self.try_waits())
    }

    fn try_waits(&self) -> Result<Waits, SpoolError> {
        // First: what comes meanwhile is seen at the next look.
        let end = *self.shared.end.borrow();
        let tables = self.shared.tables()?;
        let cursor = tables.cursor()?;
        let is_late_begun = cursor.is_begun();
        let bytes = |lane: Lane| self.shared.waiting_bytes[lane as usize].load(Ordering::Relaxed);
        Ok(Waits {
            is_frozen: tables.frozen()?.is_some(),
            main: tables.first(Lane::Main, tables.position()?)?.is_some(),
            late: is_late_begun || tables.first(Lane::Late, cursor.position)?.is_some(),
            is_late_begun,
            end,
            bytes: Lane::ALL.map(bytes),
        })
    }

    /// What is to be sent: the range that was frozen and not finished, or the next one of this lane. `None` if nothing
    /// waits there.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn freeze(&self, lane: Lane) -> Result<Option<Frozen>, SpoolError> {
        self.reading(|| self.try_freeze(lane))
    }

    fn try_freeze(&self, lane: Lane) -> Result<Option<Frozen>, SpoolError> {
        let tables = self.shared.tables()?;
        if let Some(range) = tables.frozen()? {
            let batches = assemble::again(&tables, &range)?;
            self.mark(range)?;
            return Ok(Some(Frozen { range, is_resumed: true, batches }));
        }
        let first_number = self.shared.numbers.take(unix_ms(), Range::NUMBERS);
        let Some((range, batches)) = assemble::next(&tables, lane, first_number)? else { return Ok(None) };
        let mut write = tables.database.batch().durability(Some(PersistMode::SyncData));
        write.insert(&tables.meta, META_FROZEN, range.write());
        write.insert(&tables.meta, META_BATCH, range.last_number().to_be_bytes());
        write.commit().map_err(|error| self.failed(&error))?;
        self.mark(range)?;
        Ok(Some(Frozen { range, is_resumed: false, batches }))
    }

    /// Forgets a range that is in ClickHouse, and gives where the lanes are then.
    ///
    /// # Errors
    /// The disk is failing; the range will be found in ClickHouse when it is sent again.
    pub fn advance(&self, frozen: &Frozen) -> Result<Reached, SpoolError> {
        self.reading(|| self.try_advance(frozen))
    }

    fn try_advance(&self, frozen: &Frozen) -> Result<Reached, SpoolError> {
        let range = &frozen.range;
        let end = *self.shared.end.borrow();
        let tables = self.shared.tables()?;
        let mut write = tables.database.batch().durability(Some(PersistMode::Buffer));
        let (position, cursor) = range.apply(tables.position()?, tables.cursor()?);
        let stored = self.stored_by(&tables, frozen)?;
        // First, so that a spool that is rolled back does not send the range under other numbers.
        self.shared.mark.update(|mark| {
            mark.position = mark.position.max(position);
            mark.late = mark.late.max(cursor);
            mark.frozen = None;
            mark.stored_events = mark.stored_events.max(stored);
        })?;
        let (lane, mut bytes) = (range.lane(), 0);
        if frozen.is_whole() {
            let entries = tables.lane(lane);
            for guard in entries.range(range.start.to_be_bytes()..range.end.to_be_bytes()) {
                let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
                bytes += value.len() as u64;
                write.remove(entries, key);
            }
        }
        match lane {
            Lane::Main => write.insert(&tables.meta, META_POSITION, position.to_be_bytes()),
            Lane::Late => write.insert(&tables.meta, META_LATE, cursor.write()),
        }
        write.remove(&tables.meta, META_FROZEN);
        write.insert(&tables.meta, META_STORED, stored.to_be_bytes());
        let reached = tables.reached(position, cursor, end)?;
        if let Some(since) = self.shared.account.oldest_from(reached.all()) {
            write.insert(&tables.meta, META_SINCE, since.0.to_be_bytes());
        }
        write.commit().map_err(|error| self.failed(&error))?;
        let left = |waiting: u64| Some(waiting.saturating_sub(bytes));
        let waiting_bytes = &self.shared.waiting_bytes[lane as usize];
        _ = waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        self.shared.account.went(reached.all(), stored);
        Ok(reached)
    }

    /// What cannot be read will not be readable at the next attempt either: the store is closed, and says the way out.
    fn reading<T>(&self, read: impl FnOnce() -> Result<T, SpoolError>) -> Result<T, SpoolError> {
        let outcome = catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err(SpoolError::Damaged(failure::PANICKED.to_owned())));
        if let Err(SpoolError::Damaged(reason)) = &outcome {
            self.shared.fail_damaged(reason);
            self.wake();
        }
        outcome
    }

    /// Notes beside the spool what is about to be sent, durably.
    fn mark(&self, range: Range) -> Result<(), SpoolError> {
        self.shared.mark.update(|mark| {
            mark.frozen = Some(range);
            mark.batch = mark.batch.max(range.last_number());
        })
    }

    /// Events ever stored, those of this range included. It counts once, however often it takes to say so.
    fn stored_by(&self, tables: &Tables, frozen: &Frozen) -> Result<u64, SpoolError> {
        let stored = tables.meta_u64(META_STORED).map_err(|error| disk(&error))?.unwrap_or(0);
        if !frozen.range.is_ahead(tables.position()?, tables.cursor()?) {
            return Ok(stored);
        }
        let events = frozen.batches.iter().filter(|batch| batch.kind != Kind::Transition);
        Ok(stored + events.map(|batch| batch.rows).sum::<u64>())
    }

    /// A failed write leaves the store as it may not be used: it is closed, and the spool's thread opens it anew.
    fn failed(&self, error: &fjall::Error) -> SpoolError {
        self.shared.fail(error);
        self.wake();
        disk(error)
    }

    /// The spool's thread opens a store that is closed.
    fn wake(&self) {
        if let Some(thread) = self.thread.upgrade() {
            // With a full channel it is at work, and looks after its next write.
            _ = thread.try_send(Message::Closed);
        }
    }
}
