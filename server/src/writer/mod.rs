//! From the spool into ClickHouse: each batch exactly once.
//!
//! ```text
//! wait for entries ─→ freeze a range ─→ insert each batch ─→ advance ─→ wait …
//!                        (on disk)          │   ↑
//!                                   unclear │   │ absent
//!                                           ↓   │
//!                                     look what is there ─→ complete what hangs on it
//! ```
//! The numbers of the batches of a range are on disk before the first one is sent, and every row carries the number of
//! its batch. So after a crash, a timeout or a cut connection the writer can ask ClickHouse itself whether the batch
//! arrived. The deduplication token that goes along is the second line: it holds where several replicas answer.
//!
//! ClickHouse being away is no error here, only a reason to wait; what waits is bounded by the spool.

mod arrivals;
mod deliver;
mod half_sent;
mod insert;
pub mod limits;
mod staging;

use crate::parts::Parts;
use crate::spool::{Frozen, Kind, Queue, SpoolError};
use crate::store::Store;
pub use arrivals::{Arrivals, Arrived, Follower};
use deliver::Delivery;
pub(crate) use half_sent::complete;
pub(crate) use staging::is_transient;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How far the writer is; for whoever waits until something can be queried.
pub struct Progress {
    stored: watch::Sender<u64>,
    urgent: Notify,
    arrivals: Arrivals,
}

impl Progress {
    /// The progress of a writer that begins at `position`.
    pub fn new(position: u64) -> Self {
        Self { stored: watch::Sender::new(position), urgent: Notify::new(), arrivals: Arrivals::default() }
    }

    /// Waits until everything before `position` is in ClickHouse, and asks the writer to hurry. False if the time is over.
    pub async fn wait_for(&self, position: u64, patience: Duration) -> bool {
        let mut stored = self.stored.subscribe();
        self.urgent.notify_one();
        timeout(patience, stored.wait_for(|stored| *stored >= position))
            .await
            .is_ok_and(|waited| waited.is_ok())
    }

    /// The batches of events that came into ClickHouse of late. While anybody follows them, the writer makes more haste.
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// The position before which everything is in ClickHouse.
    pub fn stored(&self) -> u64 {
        *self.stored.borrow()
    }
}

/// The writer; there is one.
pub struct Writer {
    queue: Arc<Queue>,
    delivery: Delivery,
    progress: Arc<Progress>,
    stop: watch::Receiver<bool>,
    /// When the last range was frozen.
    frozen_at: Option<Instant>,
}

impl Writer {
    /// A writer from `queue` to `store`. It ends when `stop` becomes true and nothing waits any more.
    pub fn new(
        queue: Queue,
        store: Store,
        parts: Arc<Parts>,
        progress: Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let delivery = Delivery::new(store, parts);
        Self { queue: Arc::new(queue), delivery, progress, stop, frozen_at: None }
    }

    /// Runs until it is stopped and has written what waits.
    pub async fn run(mut self) {
        loop {
            self.keep_pace().await;
            self.frozen_at = Some(Instant::now());
            match self.next_range().await {
                Ok(Some(frozen)) => self.write(frozen).await,
                Ok(None) if *self.stop.borrow() => return,
                Ok(None) => self.wait_for_entries().await,
                Err(_) if *self.stop.borrow() => return,
                Err(error) => {
                    // The spool's thread has logged what is the matter with the disk and opens the store anew.
                    tracing::debug!(%error, "the writer cannot read the spool");
                    sleep(limits::RETRY_MAX).await;
                }
            }
        }
    }

    async fn next_range(&self) -> Result<Option<Frozen>, SpoolError> {
        blocking(&self.queue, Queue::freeze).await
    }

    async fn write(&mut self, frozen: Frozen) {
        let started = Instant::now();
        for batch in &frozen.batches {
            self.delivery.deliver(batch, frozen.is_resumed).await;
            metrics::histogram!("log_center_insert_rows").record(batch.rows as f64);
            self.progress.arrivals.add((batch.kind != Kind::Transition).then_some(batch.number));
        }
        let rows: u64 = frozen.batches.iter().map(|batch| batch.rows).sum();
        metrics::counter!("log_center_stored_rows_total").increment(rows);
        metrics::histogram!("log_center_write_duration_seconds").record(started.elapsed().as_secs_f64());
        let end = frozen.end;
        let frozen = Arc::new(frozen);
        loop {
            let range = Arc::clone(&frozen);
            match blocking(&self.queue, move |queue| queue.advance(&range)).await {
                Ok(()) => break,
                // What was stored is found again in ClickHouse if the program ends before this succeeds.
                Err(_) => sleep(limits::RETRY_MAX).await,
            }
        }
        self.progress.stored.send_replace(end);
    }

    /// Waits until something lies in the spool.
    async fn wait_for_entries(&mut self) {
        let Ok(position) = self.queue.position() else { return };
        let mut end = self.queue.end();
        tokio::select! {
            _ = end.wait_for(|end| *end > position) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Lets time pass between two ranges: many small parts are dear to ClickHouse, in writing and in merging. What
    /// comes alone after a while is written at once; nobody waits when a full batch lies there, or somebody is in a hurry.
    async fn keep_pace(&mut self) {
        let Some(frozen_at) = self.frozen_at else { return };
        if self.queue.waiting_bytes() >= limits::HURRY_BYTES {
            return;
        }
        let pace = if self.progress.arrivals.is_followed() { limits::PACE_FOLLOWED } else { limits::PACE };
        tokio::select! {
            () = sleep_until(frozen_at + pace) => {}
            () = self.progress.urgent.notified() => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Runs something that touches the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(
    queue: &Arc<Queue>,
    work: impl FnOnce(&Queue) -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    let queue = Arc::clone(queue);
    tokio::task::spawn_blocking(move || work(&queue)).await.unwrap_or(Err(SpoolError::Stopped))
}
