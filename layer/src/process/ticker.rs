use super::stat::Samples;
use super::{Settings, lock_in, start_thread};
use crate::layer::Core;
use crate::limits::STDOUT_BATCH_DELAY;
use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tracing_core::dispatcher::{self, Dispatch};

/// Wakes the ticker, and ends it.
pub(crate) struct Alarm {
    pid: u32,
    state: Mutex<State>,
    rung: Condvar,
    /// Whether the ticker would not look by itself. Changes only under the lock.
    asleep: AtomicBool,
}

#[derive(Default)]
struct State {
    runs: bool,
    stopped: bool,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            pid: process::id(),
            state: Mutex::default(),
            rung: Condvar::new(),
            asleep: AtomicBool::new(false),
        }
    }
}

impl Alarm {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that there is something to do, after it is there.
    pub(crate) fn ring(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            drop(lock_in(self.pid, &self.state));
            self.rung.notify_all();
        }
    }

    /// Stops the ticker and waits for its end.
    pub(crate) fn stop(&self, deadline: Instant) {
        let mut state = self.state();
        state.stopped = true;
        self.rung.notify_all();
        while state.runs {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.wait(state, Some(deadline));
        }
    }

    /// Sleeps until there is something to do, or `due` has come. Whether the ticker is to go on.
    fn sleep(&self, due: Option<Instant>, has_work: impl Fn() -> bool) -> bool {
        let mut state = self.state();
        self.asleep.store(true, Ordering::SeqCst);
        // Looked at with the flag up: what comes after this look rings.
        while !state.stopped && !has_work() && due.is_none_or(|due| Instant::now() < due) {
            state = self.wait(state, due);
        }
        self.asleep.store(false, Ordering::SeqCst);
        !state.stopped
    }

    /// Lets time pass, however it rings. Whether the ticker is to go on.
    fn pause(&self, until: Instant) -> bool {
        let mut state = self.state();
        while !state.stopped && Instant::now() < until {
            state = self.wait(state, Some(until));
        }
        !state.stopped
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        match until {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.rung.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.rung.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Starts the thread, if there is anything for it to do.
pub(super) fn start(core: &Arc<Core>, settings: &Settings) -> io::Result<()> {
    let samples = Samples::of(settings);
    if !settings.batches && samples.is_none() {
        return Ok(());
    }
    let ticker = Ticker { core: Arc::clone(core), samples };
    core.alarm.state().runs = true;
    // If the thread does not start, the closure is dropped, and this with it.
    let ends = EndsAlarm(Arc::clone(&core.alarm));
    start_thread("log-center-tick", move || {
        let _ends = ends;
        // Dropped first: when the wait for the ticker has ended, it holds nothing any more.
        let mut ticker = ticker;
        // A writer of the program's own may log, which would come back to it.
        dispatcher::with_default(&Dispatch::none(), || ticker.run());
    })
}

struct Ticker {
    core: Arc<Core>,
    samples: Option<Samples>,
}

impl Ticker {
    fn run(&mut self) {
        while self.core.alarm.sleep(self.due(), || !self.core.sink.is_empty()) {
            if !self.core.sink.is_empty() {
                // The first line of the batch came just now.
                let flush = Instant::now() + STDOUT_BATCH_DELAY;
                if !self.core.alarm.pause(flush) {
                    return;
                }
                self.core.flush_sink(flush + STDOUT_BATCH_DELAY);
            }
            if let Some(samples) = self.samples.as_mut().filter(|samples| samples.due() <= Instant::now()) {
                samples.take(&self.core);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.samples.as_ref().map(Samples::due)
    }
}

/// Ends the wait for the ticker, however its thread ends.
struct EndsAlarm(Arc<Alarm>);

impl Drop for EndsAlarm {
    fn drop(&mut self) {
        self.0.state().runs = false;
        self.0.rung.notify_all();
    }
}
