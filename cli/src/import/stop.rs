//! When to stop: a signal, or something that makes going on useless.
//!
//! | signal | files | a pipe |
//! |---|---|---|
//! | SIGINT | no more is read, what was sent is waited for | nothing: whoever writes got it too and closes the pipe |
//! | SIGTERM | the same | what was read is still sent |
//! | a second one | the end, at once | the end, at once |

use super::ledger::Ledger;
use super::limits::STOP_DEADLINE;
use crate::Ending;
use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by all threads of an import.
#[derive(Default)]
pub(super) struct Stop {
    why: Mutex<Why>,
    changed: Condvar,
}

#[derive(Default)]
struct Why {
    by_signal: Option<Ending>,
    by_failure: Option<anyhow::Error>,
}

impl Stop {
    fn why(&self) -> MutexGuard<'_, Why> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more should be begun.
    pub(super) fn is_set(&self) -> bool {
        let why = self.why();
        why.by_signal.is_some() || why.by_failure.is_some()
    }

    /// What was read need not be sent either.
    pub(super) fn has_failed(&self) -> bool {
        self.why().by_failure.is_some()
    }

    /// It makes no sense to go on. The first reason is kept.
    pub(super) fn fail(&self, error: anyhow::Error) {
        self.why().by_failure.get_or_insert(error);
        self.changed.notify_all();
    }

    fn by_signal(&self, ending: Ending) {
        self.why().by_signal.get_or_insert(ending);
        self.changed.notify_all();
    }

    /// Waits for so long; at once, if it is time to stop.
    pub(super) fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut why = self.why();
        while why.by_signal.is_none() && why.by_failure.is_none() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return;
            };
            why = self
                .changed
                .wait_timeout(why, left)
                .map_or_else(|poison| poison.into_inner().0, |(why, _)| why);
        }
    }

    /// How the import ends that was stopped; `None` if it was not.
    pub(super) fn ending(&self) -> anyhow::Result<Option<Ending>> {
        let mut why = self.why();
        why.by_failure.take().map_or(Ok(why.by_signal), Err)
    }
}

/// Has signals heard from now on.
pub(super) fn listen(stop: &Arc<Stop>, ledger: &Arc<Ledger>, reads_pipe: bool) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("signals cannot be heard")?;
    let (stop, ledger) = (Arc::clone(stop), Arc::clone(ledger));
    std::thread::spawn(move || {
        let mut count = 0_u32;
        for signal in signals.forever() {
            let ending = if signal == SIGINT { Ending::Interrupted } else { Ending::Terminated };
            count += 1;
            if count > 1 {
                leave(&ledger, ending);
            }
            if signal == SIGINT && reads_pipe {
                continue;
            }
            stop.by_signal(ending);
            let ledger = Arc::clone(&ledger);
            std::thread::spawn(move || {
                std::thread::sleep(STOP_DEADLINE);
                ledger.say("the server does not take what was read in time");
                leave(&ledger, ending);
            });
        }
    });
    Ok(())
}

/// The state on disk is good at every moment, so this may be done at any.
fn leave(ledger: &Ledger, ending: Ending) -> ! {
    ledger.clear();
    std::process::exit(i32::from(ending.code()))
}
