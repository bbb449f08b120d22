//! How far the writer is, for whoever waits until something can be queried.

use super::Arrivals;
use crate::spool::Reached;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How far the writer is.
pub struct Progress {
    reached: watch::Sender<Reached>,
    pub(super) urgent: Notify,
    arrivals: Arrivals,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// What is fresh, and every change of an issue's state.
    Main,
    /// Events of long ago, too.
    All,
}

impl Until {
    /// Which of them have not come to `position`, the sooner one first.
    pub fn behind(progress: &Progress, position: u64) -> impl Iterator<Item = Until> + use<> {
        let reached = *progress.reached.borrow();
        [Until::Main, Until::All].into_iter().filter(move |until| until.of(reached) < position)
    }

    fn of(self, reached: Reached) -> u64 {
        match self {
            Until::Main => reached.main,
            Until::All => reached.all(),
        }
    }
}

impl Progress {
    /// The progress of a writer that begins there.
    pub fn new(reached: Reached) -> Self {
        Self { reached: watch::Sender::new(reached), urgent: Notify::new(), arrivals: Arrivals::default() }
    }

    /// Waits until everything before `position` is in ClickHouse, and asks the writer to hurry. False if the time is over.
    pub async fn wait_for(&self, until: Until, position: u64, patience: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        self.urgent.notify_one();
        timeout(patience, reached.wait_for(|reached| until.of(*reached) >= position))
            .await
            .is_ok_and(|waited| waited.is_ok())
    }

    /// The batches of events that came into ClickHouse of late. While anybody follows them, the writer makes more haste.
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// The position before which everything is in ClickHouse.
    pub fn stored(&self) -> u64 {
        self.reached.borrow().all()
    }

    pub(super) fn set(&self, reached: Reached) {
        self.reached.send_replace(reached);
    }
}
