//! ^C and its kin as a question that every waiting loop asks.
//!
//! Servers are started in process groups of their own, so a ^C in the terminal reaches only this program; it passes
//! the wish on and waits for the clean stop. The second ^C stops waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How often a waiting loop looks; short enough to feel immediate.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// Starts to catch SIGINT, SIGTERM and SIGHUP. From here on every loop of this program has to ask [`requested`].
pub(crate) fn catch() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot catch ^C")?;
    thread::spawn(move || {
        for _signal in signals.forever() {
            REQUESTS.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// Whether the user wants to stop.
pub(crate) fn requested() -> bool {
    REQUESTS.load(Ordering::Relaxed) > 0
}

/// Whether the user asked more than once and will not wait for a clean stop.
pub(crate) fn insisted() -> bool {
    REQUESTS.load(Ordering::Relaxed) > 1
}

/// What [`check`] fails with.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Fails with [`Interrupted`] when the user wants to stop, so that `?` unwinds and every owner cleans up behind itself.
pub(crate) fn check() -> Result<()> {
    if requested() {
        bail!(Interrupted);
    }
    Ok(())
}

/// Asks `ready` until it answers. `None`: `deadline` passed, or the user wants to stop.
pub(crate) fn poll<T>(deadline: Instant, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if requested() || Instant::now() >= deadline {
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
