use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exception::{Exception, Kind};

/// Longest wait for a turn; ClickHouse's `queue_max_wait_ms` is meant for the same.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Lets a bounded number of statements run and a bounded number wait.
#[derive(Debug)]
pub(crate) struct Admission {
    turns: Arc<Semaphore>,
    max_running: u32,
    waiting: AtomicU32,
    max_waiting: u32,
}

impl Admission {
    pub(crate) fn new(max_running: u32, max_waiting: u32) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(max_running as usize)),
            max_running,
            waiting: AtomicU32::new(0),
            max_waiting,
        }
    }

    /// A turn, held until the permit is dropped; code 202 if too many wait already, or for too long.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Exception> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let _place = self.queue().ok_or_else(|| self.refusal())?;
        match tokio::time::timeout(MAX_WAIT, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(self.refusal()),
        }
    }

    fn queue(&self) -> Option<Place<'_>> {
        let taken = self.waiting.fetch_add(1, Ordering::AcqRel);
        let place = Place(&self.waiting);
        (taken < self.max_waiting).then_some(place)
    }

    fn refusal(&self) -> Exception {
        Exception::new(
            Kind::TooManySimultaneousQueries,
            format_args!(
                "Too many simultaneous queries. {} run and up to {} may wait",
                self.max_running, self.max_waiting
            ),
        )
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicU32);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
