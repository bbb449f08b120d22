//! Following events as they arrive.
//!
//! ```text
//! writer ─ a batch is in ClickHouse ─▶ Arrivals ─▶ each subscriber: its condition, over these batches ─▶ records
//! other servers' batches ─ every second ──┘
//! ```
//! ClickHouse evaluates the conditions, so that they mean the same as in a search. A place in what a subscriber sees is a batch
//! and a number within it, and both stay the same: rows of a batch come all at once and never change.

pub mod limits;
mod position;
mod subscription;

pub use position::Position;
pub use subscription::{Subscription, Tailed};

use crate::clock;
use crate::number;
use crate::search::Condition;
use crate::store::{Store, StoreError};
use crate::writer::Progress;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

/// Lets people follow events. Cheap to clone.
#[derive(Clone)]
pub struct Tail {
    store: Store,
    progress: Arc<Progress>,
    places: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

/// Why nobody more can follow.
#[derive(Debug)]
pub enum TailError {
    /// [`limits::SUBSCRIBERS`] do.
    Full,
    /// ClickHouse does not answer.
    Store(StoreError),
}

impl Tail {
    /// What `store` holds, as far as `progress` tells. When `stopped` becomes true, everything ends.
    pub fn new(store: Store, progress: Arc<Progress>, stopped: watch::Receiver<bool>) -> Self {
        let places = Arc::new(Semaphore::new(limits::SUBSCRIBERS));
        let questions = Arc::new(Semaphore::new(limits::QUESTIONS_AT_ONCE));
        Self { store, progress, places, questions, stopped }
    }

    /// Looks for what other servers write, while anybody follows. Ends with the server.
    pub async fn run(mut self) {
        let mut pace = interval(limits::OTHERS_PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = pace.tick() => {}
                // An error means that nobody can stop it any more, which is as good as being stopped.
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            }
            if self.progress.arrivals().is_followed()
                && let Err(error) = self.look().await
            {
                tracing::debug!(%error, "cannot look for what other servers wrote");
            }
        }
    }

    /// Follows the events that arrive from now on, or those behind `after`.
    ///
    /// # Errors
    /// Too many do already; ClickHouse does not answer.
    pub async fn subscribe(
        &self,
        condition: Condition,
        after: Option<Position>,
    ) -> Result<Subscription, TailError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| TailError::Full)?;
        // What is there already is not new.
        self.look().await.map_err(TailError::Store)?;
        let follower = self.progress.arrivals().follow();
        Ok(Subscription::new(self.clone(), condition, follower, after, place))
    }

    /// How many follow.
    pub fn subscribers(&self) -> usize {
        limits::SUBSCRIBERS - self.places.available_permits()
    }

    async fn look(&self) -> Result<(), StoreError> {
        let back = limits::OTHERS_BACK.as_millis() as u64;
        let since = number::at(clock::unix_ms().saturating_sub(back));
        let mut batches = self.store.batches_after(since).await?;
        batches.reverse();
        self.progress.arrivals().add(batches);
        Ok(())
    }
}
