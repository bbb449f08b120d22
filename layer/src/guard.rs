use crate::counts::Counts;
use crate::layer::Core;
use crate::process::panic;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Owns the layer's threads. Dropping it writes and sends what waits, for no longer than
/// [`Builder::flush_timeout`](crate::Builder::flush_timeout), and stops them.
///
/// Keep it to the end of `main`: `let _guard = …`, not `let _ = …`. Events after that are still written, and no
/// longer sent: they are counted as [`LossReason::Shutdown`](crate::LossReason::Shutdown).
#[must_use = "dropping the guard stops forwarding; keep it in a variable to the end of `main`"]
#[derive(Debug)]
pub struct Guard {
    pub(crate) core: Arc<Core>,
}

impl Guard {
    /// Writes and sends what was logged before this call, without waiting for a batch to fill or a pause to end,
    /// and waits at most `timeout`. Whether the fate of every line and record is known: it is written, the server
    /// has it, or it is counted as lost.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.core.of_this_process().flush(Instant::now() + timeout)
    }

    /// What became of all records of this process so far.
    pub fn counts(&self) -> Counts {
        let core = self.core.of_this_process();
        let mut counts = Counts::default();
        core.counters.add_to(&mut counts);
        let lost = core.sink.lost();
        counts.written -= lost;
        counts.unwritten += lost;
        if let Some(queue) = &core.queue {
            queue.add_to(&mut counts);
        }
        if let Some(recorder) = &core.recorder {
            counts.recorder_bytes = recorder.held() as u64;
        }
        counts
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            panic::tell_end(&self.core);
        }
        self.core.current().closed.store(true, Ordering::Relaxed);
        // A forked child that has not logged yet has nothing to end; what it logs from now on is only written.
        let Some(core) = self.core.used_by_this_process() else { return };
        let deadline = Instant::now() + core.flush_timeout;
        // First, so that what comes from now on needs nobody to flush it.
        core.sink.stop_batching();
        core.alarm.stop(deadline);
        core.flush(deadline);
        if let Some(queue) = &core.queue {
            queue.close(deadline);
        }
    }
}
