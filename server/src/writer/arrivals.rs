//! Which batches of events came into ClickHouse of late: what whoever follows the events asks for.

use super::limits::KEPT_ARRIVALS;
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::watch;

/// The batches of events that were seen in ClickHouse of late, in the order in which they were. The writer adds its own;
/// others may add those of other servers.
pub struct Arrivals(watch::Sender<Seen>);

#[derive(Default)]
struct Seen {
    /// How many were forgotten: the place of the first one here in the order of all.
    forgotten: u64,
    batches: VecDeque<u64>,
    known: BTreeSet<u64>,
}

/// Follows the arrivals from some moment on.
pub struct Follower {
    seen: watch::Receiver<Seen>,
    /// The place of the next one.
    next: u64,
}

/// What arrived since the last time.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The batches, each once.
    pub batches: Vec<u64>,
    /// Whether there were more, which are forgotten.
    pub missed: bool,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self(watch::Sender::new(Seen::default()))
    }
}

impl Arrivals {
    /// Adds batches that can be queried now. Those that were here already count once.
    pub fn add(&self, batches: impl IntoIterator<Item = u64>) {
        self.0.send_if_modified(|seen| {
            let mut is_new = false;
            for batch in batches {
                if seen.known.insert(batch) {
                    seen.batches.push_back(batch);
                    is_new = true;
                }
            }
            while seen.batches.len() > KEPT_ARRIVALS {
                let oldest = seen.batches.pop_front();
                oldest.map(|batch| seen.known.remove(&batch));
                seen.forgotten += 1;
            }
            is_new
        });
    }

    /// Follows what arrives from now on.
    pub fn follow(&self) -> Follower {
        let seen = self.0.subscribe();
        let next = seen.borrow().end();
        Follower { seen, next }
    }

    /// Whether anybody follows.
    pub fn is_followed(&self) -> bool {
        self.0.receiver_count() > 0
    }
}

impl Seen {
    fn end(&self) -> u64 {
        self.forgotten + self.batches.len() as u64
    }
}

impl Follower {
    /// Waits for arrivals. `None` when there can be no more.
    pub async fn next(&mut self) -> Option<Arrived> {
        let next = self.next;
        let seen = self.seen.wait_for(|seen| seen.end() > next).await.ok()?;
        let skip = usize::try_from(next.saturating_sub(seen.forgotten)).unwrap_or(usize::MAX);
        let arrived = Arrived {
            batches: seen.batches.iter().skip(skip).copied().collect(),
            missed: next < seen.forgotten,
        };
        self.next = seen.end();
        Some(arrived)
    }
}
