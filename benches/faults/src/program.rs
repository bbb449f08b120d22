//! The program that logs, and looks at its watch.

use crate::Amount;
use anyhow::{Result, ensure};
use clap::ValueEnum;
use hdrhistogram::Histogram;
use log_center::ForwardMode;
use serde::{Deserialize, Serialize};
use std::hint::{black_box, spin_loop};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tracing_subscriber::layer::SubscriberExt;

/// Of so many events one is an ERROR.
const ERROR_EVERY: u64 = 10;

/// Events before anything is timed.
const WARM_UP: u64 = 10_000;

/// How fast it logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Load {
    /// At a rate.
    Steady,
    /// As fast as it can.
    Full,
}

impl Load {
    /// As the command line has it.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Load::Steady => "steady",
            Load::Full => "full",
        }
    }

    /// As the table has it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Load::Steady => "a steady rate",
            Load::Full => "full speed",
        }
    }
}

/// What a call took, and what became of the records.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p999_ns: u64,
    pub(crate) max_ns: u64,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) waiting: u64,
    pub(crate) lost: u64,
}

/// Logs, in this process.
pub(crate) fn log(endpoint: Option<&str>, load: Load, amount: Amount) -> Result<Outcome> {
    let builder = log_center::layer("shop").writer(Mutex::new(io::sink())).forward(ForwardMode::All);
    let builder = match endpoint {
        Some(url) => builder.endpoint(url),
        None => builder.without_endpoint(),
    };
    let (layer, guard) = builder.flush_timeout(Duration::ZERO).build()?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;

    (0..WARM_UP).for_each(event);
    let mut times = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let (events, pause) = match load {
        Load::Full => (amount.events, Duration::ZERO),
        Load::Steady => (amount.rate * amount.seconds, Duration::from_secs(1) / u32::try_from(amount.rate)?),
    };
    let mut due = Instant::now();
    for n in 0..events {
        // Not asleep: waking up would be in the next call's time.
        while Instant::now() < due {
            spin_loop();
        }
        let start = Instant::now();
        event(n);
        times.record(u64::try_from(start.elapsed().as_nanos())?.max(1))?;
        due += pause;
    }

    let counts = guard.counts();
    let lost = counts.lost_in_all();
    ensure!(counts.offered == counts.accepted + counts.waiting + lost, "it does not add up: {counts:?}");
    Ok(Outcome {
        p50_ns: times.value_at_quantile(0.5),
        p99_ns: times.value_at_quantile(0.99),
        p999_ns: times.value_at_quantile(0.999),
        max_ns: times.max(),
        offered: counts.offered,
        accepted: counts.accepted,
        waiting: counts.waiting,
        lost,
    })
}

#[inline(never)]
fn event(n: u64) {
    let (user, seconds) = (black_box("alice@example.org"), black_box(0.125_f64));
    if n.is_multiple_of(ERROR_EVERY) {
        tracing::error!(n, user, seconds, "order failed");
    } else {
        tracing::info!(n, user, seconds, "order taken");
    }
}
