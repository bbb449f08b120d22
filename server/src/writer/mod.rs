//! From the spool into ClickHouse: each batch exactly once.
//!
//! ```text
//! wait for a turn ─→ freeze a range ─→ insert each batch ─→ advance ─→ wait …
//!                        (on disk)          │   ↑
//!                                   unclear │   │ absent
//!                                           ↓   │
//!                                     look what is there ─→ complete what hangs on it
//! ```
//! The numbers of the batches of a range are on disk before the first one is sent, and every row carries the number of
//! its batch. So after a crash, a timeout or a cut connection the writer can ask ClickHouse itself whether the batch
//! arrived. The deduplication token that goes along is the second line: it holds where several replicas answer.
//!
//! The spool has two lanes: between two slices of what is late, what is fresh has its turn (`turns`). One range is sent at a
//! time, so the numbers of the batches grow in the order in which they arrive.
//!
//! ClickHouse being away is no error here, only a reason to wait; what waits is bounded by the spool.

mod arrivals;
mod deliver;
mod half_sent;
pub mod limits;
mod progress;
mod turns;

use crate::parts::Parts;
use crate::spool::{Frozen, Kind, Queue, SpoolError, Waits};
use crate::store::Store;
pub use arrivals::{Arrivals, Arrived, Follower};
use deliver::Delivery;
pub(crate) use half_sent::complete;
pub use progress::{Progress, Until};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use turns::{Turn, Turns};

/// The writer; there is one.
pub struct Writer {
    queue: Arc<Queue>,
    delivery: Delivery,
    progress: Arc<Progress>,
    stop: watch::Receiver<bool>,
    turns: Turns,
}

/// What the writer does next.
enum Step {
    Write(Frozen),
    /// Some time has passed, or something came.
    Look,
    /// It is stopped, and nothing waits.
    End,
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
        Self { queue: Arc::new(queue), delivery, progress, stop, turns: Turns::new() }
    }

    /// Runs until it is stopped and has written what waits.
    pub async fn run(mut self) {
        loop {
            match self.turn().await {
                Ok(Step::Write(frozen)) => self.write(frozen).await,
                Ok(Step::Look) => {}
                Ok(Step::End) => return,
                Err(_) if *self.stop.borrow() => return,
                Err(error) => {
                    // The spool's thread has logged what is the matter with the disk and opens the store anew.
                    tracing::debug!(%error, "the writer cannot read the spool");
                    sleep(limits::RETRY_MAX).await;
                }
            }
        }
    }

    /// The next range, when its time has come.
    async fn turn(&mut self) -> Result<Step, SpoolError> {
        let is_stopping = *self.stop.borrow();
        // The word may have been left while the writer was at work.
        if is_stopping || pin!(self.progress.urgent.notified()).enable() {
            self.turns.hurry();
        }
        let waits = blocking(&self.queue, Queue::waits).await?;
        let pace = if self.progress.arrivals().is_followed() { limits::PACE_FOLLOWED } else { limits::PACE };
        match self.turns.next(&waits, pace, Instant::now()) {
            Turn::Now(lane) => {
                let frozen = blocking(&self.queue, move |queue| queue.freeze(lane)).await?;
                let Some(frozen) = frozen else { return Ok(Step::Look) };
                self.turns.begin(&frozen, &waits, Instant::now());
                return Ok(Step::Write(frozen));
            }
            Turn::Idle if is_stopping => return Ok(Step::End),
            Turn::Wait(until) => self.wait(&waits, Some(until)).await,
            Turn::Idle => self.wait(&waits, None).await,
        }
        Ok(Step::Look)
    }

    /// Waits until a range is due, or something fresh comes, or somebody is in a hurry.
    async fn wait(&mut self, waits: &Waits, until: Option<Instant>) {
        let mut end = self.queue.end();
        let due = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            _ = end.wait_for(|end| *end > waits.end), if !waits.main => {}
            () = self.progress.urgent.notified() => self.turns.hurry(),
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn write(&mut self, frozen: Frozen) {
        let started = Instant::now();
        for batch in &frozen.batches {
            self.delivery.deliver(batch, frozen.is_resumed).await;
            if batch.kind != Kind::Transition {
                metrics::histogram!("log_center_insert_rows").record(batch.rows as f64);
                self.progress.arrivals().add([batch.number]);
            }
        }
        let events = frozen.batches.iter().filter(|batch| batch.kind != Kind::Transition);
        let rows: u64 = events.map(|batch| batch.rows).sum();
        metrics::counter!("log_center_stored_rows_total").increment(rows);
        metrics::histogram!("log_center_write_duration_seconds").record(started.elapsed().as_secs_f64());
        let frozen = Arc::new(frozen);
        loop {
            let range = Arc::clone(&frozen);
            match blocking(&self.queue, move |queue| queue.advance(&range)).await {
                Ok(reached) => return self.progress.set(reached),
                // What was stored is found again in ClickHouse if the program ends before this succeeds.
                Err(_) => sleep(limits::RETRY_MAX).await,
            }
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
