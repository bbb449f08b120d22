//! One who follows.

use super::{Position, Tail, limits};
use crate::clock;
use crate::event::Record;
use crate::number;
use crate::search::Condition;
use crate::store::StoreError;
use crate::store::arrival::Batches;
use crate::writer::{Arrived, Follower};
use std::collections::{BTreeMap, HashSet};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

/// What somebody who follows is shown.
#[derive(Debug)]
pub enum Tailed {
    /// An event.
    Record {
        /// The place behind it.
        position: Position,
        /// The event.
        record: Box<Record>,
    },
    /// So many events are left out here; `None` if nobody counted them.
    Skipped(Option<u64>),
}

/// Follows the events that fit a condition. Dropped, it makes room for another.
pub struct Subscription {
    tail: Tail,
    condition: Condition,
    follower: Follower,
    /// Where to go on, before what arrives.
    after: Option<Position>,
    /// Batches that were shown when it went on, and may arrive once more.
    shown: HashSet<u64>,
    _place: OwnedSemaphorePermit,
}

impl Subscription {
    pub(super) fn new(
        tail: Tail,
        condition: Condition,
        follower: Follower,
        after: Option<Position>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { tail, condition, follower, after, shown: HashSet::new(), _place: place }
    }

    /// Waits for what is to be shown next, which may be nothing for once. `None` when the server stops.
    pub async fn next(&mut self) -> Option<Vec<Tailed>> {
        let mut stopped = self.tail.stopped.clone();
        tokio::select! {
            shown = self.more() => shown,
            _ = stopped.wait_for(|stopped| *stopped) => None,
        }
    }

    async fn more(&mut self) -> Option<Vec<Tailed>> {
        if let Some(after) = self.after {
            let shown = self.resume(after).await;
            self.after = None;
            return Some(shown);
        }
        let Arrived { mut batches, missed } = self.follower.next().await?;
        batches.retain(|batch| !self.shown.remove(batch));
        let mut shown = Vec::new();
        if missed {
            shown.push(Tailed::Skipped(None));
        }
        if let (Some(first), Some(last)) = (batches.iter().min(), batches.iter().max()) {
            let batches = Batches { first: *first, last: *last, only: batches };
            shown.extend(self.show(&batches, None).await);
        }
        Some(shown)
    }

    /// Shows what came behind a place.
    async fn resume(&mut self, after: Position) -> Vec<Tailed> {
        let back = limits::RESUME_BACK.as_millis() as u64;
        let oldest = number::at(clock::unix_ms().saturating_sub(back));
        let mut shown = Vec::new();
        if after.batch < oldest {
            shown.push(Tailed::Skipped(None));
        }
        let batches = Batches { first: after.batch.max(oldest), last: u64::MAX, only: Vec::new() };
        shown.extend(self.show(&batches, Some(after)).await);
        shown
    }

    /// The newest of what these batches brought. Asks until it is answered.
    async fn show(&mut self, batches: &Batches, after: Option<Position>) -> Vec<Tailed> {
        loop {
            match self.ask(batches, after).await {
                Ok(shown) => return shown,
                Err(error) => {
                    tracing::debug!(%error, "what arrived cannot be shown yet");
                    sleep(limits::RETRY_PAUSE).await;
                }
            }
        }
    }

    async fn ask(&mut self, batches: &Batches, after: Option<Position>) -> Result<Vec<Tailed>, StoreError> {
        let Tail { store, questions, .. } = &self.tail;
        // Never closed.
        let _turn = questions.acquire().await;
        // Counting reads what the condition is about and nothing else; most of the time that is all there is to do.
        let counted = store.arrived_counts(&self.condition, batches).await?;
        let Some(last) = counted.last() else { return Ok(Vec::new()) };
        // What arrives between the two questions is shown when the follower tells of it.
        let batches = Batches { last: last.batch, ..batches.clone() };
        let records = store.arrived(&self.condition, &batches, limits::EVENTS_AT_ONCE).await?;
        let mut counts: BTreeMap<u64, u64> = counted.into_iter().map(|of| (of.batch, of.count)).collect();
        if after.is_some() {
            self.shown.extend(counts.keys());
        }
        let is_before = |position: Position| {
            after.is_some_and(|after| position.batch == after.batch && position.count <= after.count)
        };
        let before = after.and_then(|after| Some(after.count.min(*counts.get(&after.batch)?))).unwrap_or(0);
        let total = counts.values().sum::<u64>() - before;
        // From the last one back, each is the last of those of its batch that are left.
        let mut shown = Vec::with_capacity(records.len() + 1);
        for record in records.into_iter().rev() {
            let Some(count) = counts.get_mut(&record.batch) else { continue };
            let position = Position { batch: record.batch, count: *count };
            *count = count.saturating_sub(1);
            if !is_before(position) {
                shown.push(Tailed::Record { position, record: Box::new(record) });
            }
        }
        let skipped = total.saturating_sub(shown.len() as u64);
        if skipped > 0 {
            shown.push(Tailed::Skipped(Some(skipped)));
        }
        shown.reverse();
        Ok(shown)
    }
}
