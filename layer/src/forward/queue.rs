//! Records that wait for the server, as the bytes that they will be sent as.
//!
//! A caller appends its line to the last batch, behind one short lock. The forwarder takes the first. A batch that
//! was sent once keeps its bytes and its key until its fate is known: the server counts the key once, so the bytes
//! under it must not change. What does not fit pushes out the oldest: single lines of a batch never sent, else the
//! batch as a whole.

use crate::counts::{Counts, LossReason};
use crate::limits::{BATCH_BYTES, BATCH_RECORDS, LINGER};
use crate::line::unique_id;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    bytes: Vec<u8>,
    /// Where the first line begins that was not pushed out.
    start: usize,
    records: usize,
    /// The idempotency key, from the first attempt on.
    key: Option<[u8; 32]>,
}

impl Batch {
    pub(crate) fn of_line(line: Vec<u8>) -> Self {
        Self { bytes: line, start: 0, records: 1, key: None }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// The key of these bytes, the same at every call.
    pub(crate) fn key(&mut self) -> &str {
        let key = self.key.get_or_insert_with(unique_id);
        std::str::from_utf8(key).unwrap_or_default()
    }

    /// Two batches of half the lines each, or the batch itself if it is only one line.
    fn split(self) -> Result<(Batch, Batch), Batch> {
        if self.records < 2 {
            return Err(self);
        }
        let first = self.records / 2;
        let middle = line_end(self.body(), first);
        let half = |bytes: &[u8], records| Batch { bytes: bytes.to_vec(), start: 0, records, key: None };
        let (head, tail) = self.body().split_at(middle);
        Ok((half(head, first), half(tail, self.records - first)))
    }
}

/// Where the first `count` lines end.
fn line_end(bytes: &[u8], count: usize) -> usize {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(index, _)| index + 1).take(count).last().unwrap_or(bytes.len())
}

/// What the forwarder is to do next.
pub(crate) enum Task {
    Send(Batch),
    Stop,
}

/// What became of a batch that was taken.
pub(crate) enum Fate {
    /// The server has it; this many of its records were refused.
    Accepted { rejected: usize },
    /// It is gone.
    Lost(LossReason),
}

pub(crate) struct Queue {
    state: Mutex<State>,
    /// There is something to do for the forwarder.
    work: Condvar,
    /// The fate of a record is known, or the forwarder has ended.
    settled: Condvar,
    bounds: Bounds,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
    /// Of all that waits, the batch on its way included.
    bytes: usize,
    records: usize,
    offered: u64,
    accepted: u64,
    lost: [u64; LossReason::ALL.len()],
    /// Somebody waits in `flush`: send at once.
    hurry: bool,
    idle: bool,
    closed: bool,
    ended: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { state: Mutex::default(), work: Condvar::new(), settled: Condvar::new(), bounds }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, with its line feed.
    pub(crate) fn append(&self, line: &[u8]) {
        let mut state = self.state();
        state.offered += 1;
        if state.closed {
            state.lose(1, LossReason::Shutdown);
            return;
        }
        if line.len() > self.bounds.bytes {
            state.lose(1, LossReason::TooLarge);
            return;
        }
        // One line more in a batch is nothing to wake anybody for.
        let wake = state.append(line, self.bounds) && state.idle;
        let lost = state.push_out(self.bounds);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        if lost {
            self.settled.notify_all();
        }
    }

    /// Waits for a batch that is worth sending, not before `earliest` unless somebody is in a hurry.
    pub(crate) fn next(&self, earliest: Option<Instant>) -> Task {
        let mut state = self.state();
        let mut since: Option<Instant> = None;
        loop {
            if state.closed {
                return Task::Stop;
            }
            if state.batches.is_empty() {
                // Nothing left that the hurry was for.
                state.hurry = false;
                since = None;
                state = self.wait(state, None);
                continue;
            }
            let linger_ends = *since.get_or_insert_with(Instant::now) + LINGER;
            let due = match earliest {
                Some(earliest) => earliest.max(linger_ends),
                None if state.batches.len() > 1 => Instant::now(),
                None => linger_ends,
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || state.hurry {
                if let Some(batch) = state.batches.pop_front() {
                    return Task::Send(batch);
                }
            }
            state = self.wait(state, Some(left));
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, left: Option<Duration>) -> MutexGuard<'a, State> {
        state.idle = true;
        let mut state = match left {
            Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.idle = false;
        state
    }

    /// Ends the wait of a batch that [`next`](Self::next) gave.
    pub(crate) fn settle(&self, batch: Batch, fate: Fate) {
        let mut state = self.state();
        state.bytes -= batch.body().len();
        state.records -= batch.records;
        match fate {
            Fate::Accepted { rejected } => {
                let rejected = rejected.min(batch.records);
                state.accepted += (batch.records - rejected) as u64;
                state.lose(rejected, LossReason::Rejected);
            }
            Fate::Lost(reason) => state.lose(batch.records, reason),
        }
        state.recycle(batch);
        drop(state);
        self.settled.notify_all();
    }

    /// Puts a batch that [`next`](Self::next) gave, and that could not be sent, back where it was.
    pub(crate) fn put_back(&self, batch: Batch) {
        // A hurry is good for one attempt: it must not turn the pauses after failures into a busy loop.
        self.state().hurry = false;
        self.put_front([batch]);
    }

    /// Puts a batch that the server found too large back in halves; a single record is lost.
    pub(crate) fn put_back_halves(&self, batch: Batch) {
        match batch.split() {
            Ok((first, second)) => self.put_front([second, first]),
            Err(batch) => self.settle(batch, Fate::Lost(LossReason::TooLarge)),
        }
    }

    fn put_front<const N: usize>(&self, batches: [Batch; N]) {
        let mut state = self.state();
        for batch in batches {
            state.batches.push_front(batch);
        }
        if state.closed {
            state.lose_all();
        }
        state.push_out(self.bounds);
        drop(state);
        self.settled.notify_all();
    }

    /// Sends at once and waits until everything offered before has met its fate. Whether it has, in time.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        let mut state = self.state();
        let target = state.offered;
        state.hurry = true;
        self.work.notify_one();
        while state.settled() < target {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                return false;
            }
            state = self.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Takes nothing more, gives up what waits, and waits for the forwarder to end.
    pub(crate) fn close(&self, deadline: Instant) {
        let mut state = self.state();
        state.closed = true;
        state.lose_all();
        self.work.notify_one();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that the forwarder has ended.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.closed = true;
        state.lose_all();
        drop(state);
        self.settled.notify_all();
    }

    pub(crate) fn add_to(&self, counts: &mut Counts) {
        let state = self.state();
        counts.offered = state.offered;
        counts.accepted = state.accepted;
        counts.waiting = state.records as u64;
        counts.lost = state.lost;
    }
}

impl State {
    /// Whether the line began a new batch.
    fn append(&mut self, line: &[u8], bounds: Bounds) -> bool {
        let open = self.batches.back().is_some_and(|batch| {
            let fits = batch.bytes.len() + line.len() <= bounds.batch_bytes();
            batch.key.is_none() && fits && batch.records < bounds.batch_records()
        });
        if !open {
            let bytes = self.spare.pop().unwrap_or_default();
            self.batches.push_back(Batch { bytes, ..Batch::default() });
        }
        if let Some(batch) = self.batches.back_mut() {
            batch.bytes.extend_from_slice(line);
            batch.records += 1;
        }
        self.bytes += line.len();
        self.records += 1;
        !open
    }

    /// Makes room for what is newer. Whether anything was lost by it.
    fn push_out(&mut self, bounds: Bounds) -> bool {
        let mut lost = false;
        while self.bytes > bounds.bytes || self.records > bounds.records {
            let Some(oldest) = self.batches.front_mut() else { break };
            lost = true;
            let whole = oldest.key.is_some() || oldest.records == 1;
            let (length, records) =
                if whole { (oldest.body().len(), oldest.records) } else { (line_end(oldest.body(), 1), 1) };
            oldest.start += length;
            oldest.records -= records;
            if whole {
                if let Some(batch) = self.batches.pop_front() {
                    self.recycle(batch);
                }
            }
            self.bytes -= length;
            self.records -= records;
            self.lose(records, LossReason::QueueFull);
        }
        lost
    }

    fn lose_all(&mut self) {
        while let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.body().len();
            self.records -= batch.records;
            self.lose(batch.records, LossReason::Shutdown);
        }
    }

    fn lose(&mut self, records: usize, reason: LossReason) {
        self.lost[reason as usize] += records as u64;
    }

    fn settled(&self) -> u64 {
        self.accepted + self.lost.iter().sum::<u64>()
    }

    fn recycle(&mut self, batch: Batch) {
        // One is being filled and one is on its way.
        if self.spare.len() < 2 {
            let mut bytes = batch.bytes;
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}
