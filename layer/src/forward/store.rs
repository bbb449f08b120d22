//! What waits for the server, oldest first, and what gives way when it is too much.
//!
//! New lines go to the last batch of `recent`. What is too much goes from the oldest end, ordinary lines first: a
//! failure that stands before them is put aside, behind the failures put aside before. So what was put aside is always
//! older than the rest, both in their order, and everything is sent by age. Only when there is no ordinary line left
//! the oldest failures go.
//!
//! ```text
//!   oldest                                                    newest
//!   [aside: failures only] [recent: everything, as it was logged   ]
//!   gives way second       gives way first, but for its failures      <- append
//! ```
//!
//! A batch that was sent once keeps its bytes and its key until its fate is known: the server counts the key once, so
//! the bytes under it must not change. It gives way, or is put aside, as a whole.

use super::lines::{Lines, Worth};
use crate::limits::{BATCH_BYTES, BATCH_RECORDS};
use crate::line::unique_id;
use std::collections::VecDeque;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
}

impl Bounds {
    /// A batch on its way is not pushed out, so it must leave room for those that come meanwhile.
    const BATCHES: usize = 4;

    fn batch_bytes(self) -> usize {
        BATCH_BYTES.min(self.bytes / Self::BATCHES)
    }

    fn batch_records(self) -> usize {
        BATCH_RECORDS.min(self.records / Self::BATCHES).max(1)
    }
}

/// Lines that are sent together.
#[derive(Default)]
pub(crate) struct Batch {
    lines: Lines,
    /// The idempotency key, from the first attempt on.
    key: Option<[u8; 32]>,
}

impl Batch {
    pub(crate) fn of_line(line: &[u8]) -> Self {
        let mut lines = Lines::default();
        lines.push(line, Worth::Ordinary);
        lines.into()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.lines.body()
    }

    pub(crate) fn records(&self) -> usize {
        self.lines.len()
    }

    /// The key of these bytes, the same at every call.
    pub(crate) fn key(&mut self) -> &str {
        let key = self.key.get_or_insert_with(unique_id);
        std::str::from_utf8(key).unwrap_or_default()
    }

    /// Two batches of half the lines each; None if it is only one line.
    pub(super) fn halves(&self) -> Option<[Batch; 2]> {
        self.lines.halves().map(|halves| halves.map(Batch::from))
    }

    fn takes(&self, line: &[u8], bounds: Bounds) -> bool {
        let fits = self.lines.body().len() + line.len() <= bounds.batch_bytes();
        self.key.is_none() && fits && self.records() < bounds.batch_records()
    }

    /// Whether it goes only when there are no ordinary lines left elsewhere.
    fn goes_last(&self) -> bool {
        self.lines.ordinary() == 0 || (self.key.is_some() && self.lines.failures() > 0)
    }
}

impl From<Lines> for Batch {
    fn from(lines: Lines) -> Self {
        Self { lines, key: None }
    }
}

/// The batches, and how much they are.
pub(super) struct Store {
    aside: VecDeque<Batch>,
    recent: VecDeque<Batch>,
    /// Ordinary lines in `recent`.
    ordinary: usize,
    /// Of all that waits, the batch on its way included.
    bytes: usize,
    records: usize,
    /// Buffers to use again.
    spare: Vec<Lines>,
    bounds: Bounds,
}

impl Store {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (aside, recent) = Default::default();
        Self { aside, recent, ordinary: 0, bytes: 0, records: 0, spare: Vec::new(), bounds }
    }

    /// How many lines wait, those on their way included.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// How many batches wait that are not on their way.
    pub(super) fn batches(&self) -> usize {
        self.aside.len() + self.recent.len()
    }

    /// Whether a line of this length can ever wait here.
    pub(super) fn could_hold(&self, length: usize) -> bool {
        length <= self.bounds.bytes
    }

    pub(super) fn append(&mut self, line: &[u8], worth: Worth) {
        self.bytes += line.len();
        self.records += 1;
        self.ordinary += usize::from(worth == Worth::Ordinary);
        append(&mut self.recent, &mut self.spare, line, worth, self.bounds);
    }

    /// The oldest batch, to be sent. It still counts until [`release`](Self::release).
    pub(super) fn take(&mut self) -> Option<Batch> {
        self.aside.pop_front().or_else(|| self.take_recent())
    }

    fn take_recent(&mut self) -> Option<Batch> {
        let batch = self.recent.pop_front()?;
        self.ordinary -= batch.lines.ordinary();
        Some(batch)
    }

    /// Puts a batch that was taken, or a half of it, back as the oldest. Only what was put aside meanwhile stays before
    /// ordinary lines.
    pub(super) fn put_back(&mut self, batch: Batch) {
        if !self.aside.is_empty() && batch.goes_last() {
            self.aside.push_front(batch);
        } else {
            self.ordinary += batch.lines.ordinary();
            self.recent.push_front(batch);
        }
    }

    /// Ends the wait of a batch that was taken.
    pub(super) fn release(&mut self, batch: Batch) {
        self.bytes -= batch.body().len();
        self.records -= batch.records();
        recycle(&mut self.spare, batch);
    }

    /// Makes room for what is newer. How many lines gave way.
    pub(super) fn push_out(&mut self) -> usize {
        let before = self.records;
        while self.bytes > self.bounds.bytes || self.records > self.bounds.records {
            let gave_way = if self.ordinary > 0 { self.push_out_ordinary() } else { self.push_out_failure() };
            if !gave_way {
                break;
            }
        }
        before - self.records
    }

    /// Everything goes. How many lines that were.
    pub(super) fn push_out_all(&mut self) -> usize {
        let before = self.records;
        while let Some(batch) = self.take() {
            self.release(batch);
        }
        before - self.records
    }

    /// One step towards the oldest ordinary line, or past it. Whether there was one to take.
    fn push_out_ordinary(&mut self) -> bool {
        let Some(oldest) = self.recent.front_mut() else { return false };
        if oldest.goes_last() {
            let batch = self.take_recent();
            self.aside.extend(batch);
            return true;
        }
        if oldest.key.is_some() {
            if let Some(batch) = self.take_recent() {
                self.release(batch);
            }
            return true;
        }
        let Some((line, worth)) = oldest.lines.first() else { return false };
        match worth {
            Worth::Failure => {
                append(&mut self.aside, &mut self.spare, line, worth, self.bounds);
            }
            Worth::Ordinary => {
                self.bytes -= line.len();
                self.records -= 1;
                self.ordinary -= 1;
            }
        }
        oldest.lines.remove_first();
        if oldest.records() == 0 {
            let batch = self.recent.pop_front().unwrap_or_default();
            recycle(&mut self.spare, batch);
        }
        true
    }

    /// The oldest failure goes; the whole batch, if it has a key. Whether there was one.
    fn push_out_failure(&mut self) -> bool {
        let from_aside = !self.aside.is_empty();
        let batches = if from_aside { &mut self.aside } else { &mut self.recent };
        let Some(oldest) = batches.front_mut() else { return false };
        if oldest.key.is_none() && oldest.records() > 1 {
            self.bytes -= oldest.lines.first().map_or(0, |(line, _)| line.len());
            self.records -= 1;
            oldest.lines.remove_first();
        } else if let Some(batch) = batches.pop_front() {
            self.release(batch);
        }
        true
    }
}

/// Adds a line to the last batch, or to a new one.
fn append(batches: &mut VecDeque<Batch>, spare: &mut Vec<Lines>, line: &[u8], worth: Worth, bounds: Bounds) {
    match batches.back_mut() {
        Some(batch) if batch.takes(line, bounds) => batch.lines.push(line, worth),
        _ => {
            // Growing while it is filled would be a copy of it each time, in some caller's time.
            let mut lines = spare.pop().unwrap_or_else(|| Lines::with_capacity(bounds.batch_bytes()));
            lines.push(line, worth);
            batches.push_back(lines.into());
        }
    }
}

fn recycle(spare: &mut Vec<Lines>, batch: Batch) {
    // One is being filled and one is on its way.
    if spare.len() < 2 {
        let mut lines = batch.lines;
        lines.clear();
        spare.push(lines);
    }
}
