//! The one place that callers and the forwarder share.
//!
//! A caller appends its line to the last batch, behind one short lock. The forwarder takes the first. What does not
//! fit pushes out older ones, as [`store`](super::store) tells.

use super::lines::Worth;
use super::store::{Batch, Bounds, Store};
use crate::counts::{Counts, LossReason};
use crate::limits::LINGER;
use crate::process::lock_in;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    pid: u32,
    state: Mutex<State>,
    /// There is something to do for the forwarder.
    work: Condvar,
    /// The fate of a record is known, or the forwarder has ended.
    settled: Condvar,
}

struct State {
    store: Store,
    offered: u64,
    accepted: u64,
    lost: [u64; LossReason::ALL.len()],
    /// Somebody waits in `flush`: send at once.
    hurry: bool,
    /// How many batches the forwarder sleeps until; None if it is awake, or in a pause that no batch ends.
    wakes_at: Option<usize>,
    /// How many wait for the fate of records.
    flushing: usize,
    closed: bool,
    ended: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let state = State {
            store: Store::new(bounds),
            offered: 0,
            accepted: 0,
            lost: Default::default(),
            hurry: false,
            wakes_at: None,
            flushing: 0,
            closed: false,
            ended: false,
        };
        Self {
            pid: std::process::id(),
            state: Mutex::new(state),
            work: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, with its line feed.
    pub(crate) fn append(&self, line: &[u8], worth: Worth) {
        self.change(|state| state.append(line, worth));
    }

    /// Takes the lines of one request, in their order, of which so many are missing already.
    pub(crate) fn append_all<'a>(&self, lines: impl Iterator<Item = &'a [u8]>, worth: Worth, missing: usize) {
        self.change(|state| {
            state.offered += missing as u64;
            state.lose(missing, LossReason::RecorderFull);
            lines.for_each(|line| state.append(line, worth));
        });
    }

    /// Adds lines, and wakes whoever that concerns.
    fn change(&self, add: impl FnOnce(&mut State)) {
        // In a forked child it is the parent's, and of no use.
        let Some(mut state) = lock_in(self.pid, &self.state) else { return };
        add(&mut state);
        let lost = state.push_out();
        // Waking is a call of the system, whether or not anybody sleeps: it would cost more than all the rest.
        let wake = state.wakes_at.is_some_and(|batches| state.store.batches() >= batches);
        if wake {
            state.wakes_at = None;
        }
        let wake_flushing = lost && state.flushing > 0;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        if wake_flushing {
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
            if state.store.batches() == 0 {
                // Nothing left that the hurry was for.
                state.hurry = false;
                since = None;
                state = self.wait(state, None, Some(1));
                continue;
            }
            let linger_ends = *since.get_or_insert_with(Instant::now) + LINGER;
            let due = match earliest {
                Some(earliest) => earliest.max(linger_ends),
                None if state.store.batches() > 1 => Instant::now(),
                None => linger_ends,
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || state.hurry {
                if let Some(batch) = state.store.take() {
                    return Task::Send(batch);
                }
            }
            // A second batch means that the first is full; in a pause that changes nothing.
            state = self.wait(state, Some(left), earliest.is_none().then_some(2));
        }
    }

    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        left: Option<Duration>,
        wakes_at: Option<usize>,
    ) -> MutexGuard<'a, State> {
        state.wakes_at = wakes_at;
        let mut state = match left {
            Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.wakes_at = None;
        state
    }

    /// Ends the wait of a batch that [`next`](Self::next) gave.
    pub(crate) fn settle(&self, batch: Batch, fate: Fate) {
        let mut state = self.state();
        let records = batch.records();
        match fate {
            Fate::Accepted { rejected } => {
                let rejected = rejected.min(records);
                state.accepted += (records - rejected) as u64;
                state.lose(rejected, LossReason::Rejected);
            }
            Fate::Lost(reason) => state.lose(records, reason),
        }
        state.store.release(batch);
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
        match batch.halves() {
            Some([first, second]) => self.put_front([second, first]),
            None => self.settle(batch, Fate::Lost(LossReason::TooLarge)),
        }
    }

    fn put_front<const N: usize>(&self, batches: [Batch; N]) {
        let mut state = self.state();
        for batch in batches {
            state.store.put_back(batch);
        }
        if state.closed {
            state.lose_all();
        }
        state.push_out();
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
            state = self.wait_for_fates(state, left);
        }
        true
    }

    fn wait_for_fates<'a>(&self, mut state: MutexGuard<'a, State>, left: Duration) -> MutexGuard<'a, State> {
        state.flushing += 1;
        let mut state = self.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        state.flushing -= 1;
        state
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
            state = self.wait_for_fates(state, left);
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
        counts.waiting = state.store.records() as u64;
        counts.lost = state.lost;
    }
}

impl State {
    fn append(&mut self, line: &[u8], worth: Worth) {
        self.offered += 1;
        if self.closed {
            self.lose(1, LossReason::Shutdown);
        } else if !self.store.could_hold(line.len()) {
            self.lose(1, LossReason::TooLarge);
        } else {
            self.store.append(line, worth);
        }
    }

    /// Makes room for what is newer. Whether anything was lost by it.
    fn push_out(&mut self) -> bool {
        let records = self.store.push_out();
        self.lose(records, LossReason::QueueFull);
        records > 0
    }

    fn lose_all(&mut self) {
        let records = self.store.push_out_all();
        self.lose(records, LossReason::Shutdown);
    }

    fn lose(&mut self, records: usize, reason: LossReason) {
        self.lost[reason as usize] += records as u64;
    }

    fn settled(&self) -> u64 {
        self.accepted + self.lost.iter().sum::<u64>()
    }
}
