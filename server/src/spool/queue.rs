//! The other end of the spool: what goes to ClickHouse, in batches that stay the same however often they are sent.

use super::database::{
    META_BATCH, META_FROZEN, META_POSITION, META_SINCE, META_STORED, Shared, Tables, disk, u64_of,
};
use super::entry::{Entry, Kind, Section};
use super::mark::Range;
use super::{Message, SpoolError, limits};
use crate::clock::unix_micros;
use bytes::Bytes;
use fjall::PersistMode;
use std::collections::BTreeMap;
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
    /// The first entry.
    pub start: u64,
    /// The entry behind the last.
    pub end: u64,
    /// Whether a run before this one may have sent some of it.
    pub is_resumed: bool,
    /// What is sent, in this order.
    pub batches: Vec<FrozenBatch>,
}

/// Rows of one table and one day: one insert, which ClickHouse does as a whole or not at all.
#[derive(Debug)]
pub struct FrozenBatch {
    /// Names the insert; greater than that of every batch before.
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

impl Queue {
    pub(super) fn new(shared: Arc<Shared>, thread: mpsc::WeakSender<Message>) -> Self {
        Self { shared, thread }
    }

    /// The position behind the last entry, now and whenever it moves.
    pub fn end(&self) -> watch::Receiver<u64> {
        self.shared.end.subscribe()
    }

    /// How many bytes wait for ClickHouse.
    pub fn waiting_bytes(&self) -> u64 {
        self.shared.waiting_bytes.load(Ordering::Relaxed)
    }

    /// The position of the first entry that is not in ClickHouse.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn position(&self) -> Result<u64, SpoolError> {
        Ok(self.shared.tables()?.meta_u64(META_POSITION).map_err(|error| disk(&error))?.unwrap_or(0))
    }

    /// The range to be sent: the one that was frozen and not finished, or the next one. `None` if nothing waits.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn freeze(&self) -> Result<Option<Frozen>, SpoolError> {
        let tables = self.shared.tables()?;
        if let Some(range) =
            tables.meta.get(META_FROZEN).map_err(|error| disk(&error))?.and_then(|value| Range::read(&value))
        {
            let (end, batches) = assemble(&tables, range.start, Some(range.end), range.first_number)?;
            self.mark(range, &batches)?;
            return Ok(Some(Frozen { start: range.start, end, is_resumed: true, batches }));
        }
        let start = self.position()?;
        let last_number = tables.meta_u64(META_BATCH).map_err(|error| disk(&error))?.unwrap_or(0);
        let first_number = unix_micros().max(last_number + 1);
        let (end, batches) = assemble(&tables, start, None, first_number)?;
        let Some(last) = batches.last() else { return Ok(None) };
        let mut write = tables.database.batch().durability(Some(PersistMode::SyncData));
        let range = Range { start, end, first_number };
        write.insert(&tables.meta, META_FROZEN, range.write());
        write.insert(&tables.meta, META_BATCH, last.number.to_be_bytes());
        write.commit().map_err(|error| self.failed(&error))?;
        self.mark(range, &batches)?;
        Ok(Some(Frozen { start, end, is_resumed: false, batches }))
    }

    /// Forgets a range that is in ClickHouse.
    ///
    /// # Errors
    /// The disk is failing; the range will be found in ClickHouse when it is sent again.
    pub fn advance(&self, frozen: &Frozen) -> Result<(), SpoolError> {
        let tables = self.shared.tables()?;
        let mut write = tables.database.batch().durability(Some(PersistMode::Buffer));
        let stored = self.stored_by(&tables, frozen).map_err(|error| disk(&error))?;
        // First, so that a spool that is rolled back does not send the range under other numbers.
        self.shared.mark.update(|mark| {
            mark.position = mark.position.max(frozen.end);
            mark.frozen = None;
            mark.stored_events = mark.stored_events.max(stored);
        })?;
        let mut bytes = 0;
        for guard in tables.entries.range(frozen.start.to_be_bytes()..frozen.end.to_be_bytes()) {
            let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
            bytes += value.len() as u64;
            write.remove(&tables.entries, key);
        }
        write.insert(&tables.meta, META_POSITION, frozen.end.to_be_bytes());
        write.remove(&tables.meta, META_FROZEN);
        write.insert(&tables.meta, META_STORED, stored.to_be_bytes());
        if let Some(since) = self.shared.account.oldest_from(frozen.end) {
            write.insert(&tables.meta, META_SINCE, since.0.to_be_bytes());
        }
        write.commit().map_err(|error| self.failed(&error))?;
        let left = |waiting: u64| Some(waiting.saturating_sub(bytes));
        _ = self.shared.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        self.shared.account.went(frozen.end, stored);
        Ok(())
    }

    /// Notes beside the spool what is about to be sent, durably.
    fn mark(&self, range: Range, batches: &[FrozenBatch]) -> Result<(), SpoolError> {
        let last = batches.last().map_or(range.first_number, |batch| batch.number);
        self.shared.mark.update(|mark| {
            mark.frozen = Some(range);
            mark.batch = mark.batch.max(last);
        })
    }

    /// Events ever stored, those of this range included. It counts once, however often it takes to say so.
    fn stored_by(&self, tables: &Tables, frozen: &Frozen) -> Result<u64, fjall::Error> {
        let stored = tables.meta_u64(META_STORED)?.unwrap_or(0);
        let is_done = tables.meta_u64(META_POSITION)?.is_some_and(|position| position >= frozen.end);
        let events = frozen.batches.iter().filter(|batch| batch.kind != Kind::Transition);
        let events: u64 = events.map(|batch| batch.rows).sum();
        Ok(if is_done { stored } else { stored + events })
    }

    /// A failed write leaves the store as it may not be used: it is closed, and the spool's thread opens it anew.
    fn failed(&self, error: &fjall::Error) -> SpoolError {
        self.shared.fail(error);
        if let Some(thread) = self.thread.upgrade() {
            // With a full channel it is at work, and looks after its next write.
            _ = thread.try_send(Message::Closed);
        }
        SpoolError::Disk(error.to_string())
    }
}

/// Puts the entries from `start` on together: up to `end` if it is given, else up to the limits of one range.
fn assemble(
    tables: &Tables,
    start: u64,
    end: Option<u64>,
    first_number: u64,
) -> Result<(u64, Vec<FrozenBatch>), SpoolError> {
    let mut values = Vec::new();
    let (mut next, mut bytes, mut rows) = (start, 0, 0);
    let range = start.to_be_bytes()..end.unwrap_or(u64::MAX).to_be_bytes();
    for guard in tables.entries.range(range) {
        let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
        let entry = Entry::parse(&value)?;
        let entry_rows: usize = entry.sections.iter().map(|section| section.rows as usize).sum();
        let entry_bytes: usize = entry.sections.iter().map(Section::unpacked_len).sum();
        let is_over = bytes + entry_bytes > limits::FROZEN_BYTES || rows + entry_rows > limits::FROZEN_ROWS;
        if end.is_none() && is_over && !values.is_empty() {
            break;
        }
        bytes += entry_bytes;
        rows += entry_rows;
        next = u64_of(&key).unwrap_or(next) + 1;
        values.push(value);
    }
    let entries = values.iter().map(|value| Entry::parse(value)).collect::<Result<Vec<_>, _>>()?;
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for entry in &entries {
        for section in &entry.sections {
            groups.entry((section.kind, section.day, entry.version)).or_default().push(section);
        }
    }
    let is_partial = end.is_some_and(|end| (entries.len() as u64) < end.saturating_sub(start));
    let mut batches = Vec::with_capacity(groups.len());
    for (number, ((kind, day, version), sections)) in (first_number..).zip(groups) {
        let size = sections.iter().map(|section| section.unpacked_len() + 8 * section.rows as usize).sum();
        let (mut rows, mut bytes) = (0, Vec::with_capacity(size));
        for section in sections {
            section.write_rows(number, &mut bytes)?;
            rows += u64::from(section.rows);
        }
        batches.push(FrozenBatch { number, kind, version, day, rows, is_partial, bytes: bytes.into() });
    }
    Ok((end.unwrap_or(next), batches))
}
