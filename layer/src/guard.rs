use crate::counts::Counts;
use crate::layer::Core;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long to leave a full standard output alone before trying once more.
const STDOUT_PAUSE: Duration = Duration::from_millis(5);

/// Owns the forwarder. Dropping it sends what waits, for no longer than
/// [`Builder::flush_timeout`](crate::Builder::flush_timeout), and stops it.
///
/// Keep it to the end of `main`: `let _guard = …`, not `let _ = …`. Events after that are still written, and no
/// longer sent: they are counted as [`LossReason::Shutdown`](crate::LossReason::Shutdown).
#[must_use = "dropping the guard stops forwarding; keep it in a variable to the end of `main`"]
#[derive(Debug)]
pub struct Guard {
    pub(crate) core: Arc<Core>,
    pub(crate) flush_timeout: Duration,
}

impl Guard {
    /// Sends what was logged before this call, without waiting for a batch to fill or a pause to end, and waits at
    /// most `timeout`. Whether the fate of every record is known: the server has it, or it is counted as lost.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.flush_until(Instant::now() + timeout)
    }

    /// What became of all records so far.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.core.counters.add_to(&mut counts);
        if let Some(queue) = &self.core.queue {
            queue.add_to(&mut counts);
        }
        if let Some(recorder) = &self.core.recorder {
            counts.recorder_bytes = recorder.held() as u64;
        }
        counts
    }

    fn flush_until(&self, deadline: Instant) -> bool {
        let written = self.flush_sink(deadline);
        self.core.queue.as_ref().is_none_or(|queue| queue.flush(deadline)) && written
    }

    fn flush_sink(&self, deadline: Instant) -> bool {
        while !self.core.sink.flush() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(STDOUT_PAUSE);
        }
        true
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let deadline = Instant::now() + self.flush_timeout;
        self.flush_until(deadline);
        if let Some(queue) = &self.core.queue {
            queue.close(deadline);
        }
    }
}
