//! Samples of the process, from what Linux tells in `/proc/self`.
//!
//! | column | file | |
//! |---|---|---|
//! | `perf.rss` | `status` | `VmRSS`, which is in units of 1,024 bytes |
//! | `perf.cpu` | `stat` | the 14th and 15th field, user and system time of all threads, in hundredths of a second |
//! | `threads` | `status` | `Threads` |
//! | `open_files` | `fd` | its entries, but for the one that counting them opens |

use super::{SAMPLE, Settings};
use crate::layer::Core;
use crate::line::{Pairs, Plain};
use log_center_wire::{Level, Scope};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The unit of times in `/proc`, a hundredth of a second: `USER_HZ`, which is 100 on every architecture that Rust
/// has a standard library for, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// Takes samples, one each interval.
pub(super) struct Samples {
    interval: Duration,
    due: Instant,
    /// When the last one was taken, and the processor time up to then.
    last: (Instant, Duration),
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
}

/// What the kernel says.
struct Sample {
    rss_bytes: u64,
    cpu_time: Duration,
    threads: u64,
    open_files: Option<u64>,
}

impl Samples {
    /// None if none are asked for, or none are to be had.
    pub(super) fn of(settings: &Settings) -> Option<Self> {
        let interval = settings.stat_interval()?;
        let cpu_time = cpu_time()?;
        let now = Instant::now();
        #[cfg(feature = "tokio")]
        let runtime = settings.runtime.clone().or_else(|| tokio::runtime::Handle::try_current().ok());
        Some(Self {
            interval,
            due: now + interval,
            last: (now, cpu_time),
            #[cfg(feature = "tokio")]
            runtime,
        })
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Writes one.
    pub(super) fn take(&mut self, core: &Arc<Core>) {
        let now = Instant::now();
        // A machine that slept is not to be told of each interval that it missed.
        self.due = (self.due + self.interval).max(now);
        let Some(sample) = Sample::take() else { return };
        let (then, before) = std::mem::replace(&mut self.last, (now, sample.cpu_time));
        let spent = sample.cpu_time.saturating_sub(before).as_secs_f64();
        let percent = 100.0 * spent / now.duration_since(then).as_secs_f64();
        // A tenth of a percent is what the kernel's hundredths tell in ten seconds.
        let percent = (percent * 10.0).round() / 10.0;

        let mut perf = format!(",\"perf\":{{\"rss\":{},\"cpu\":", sample.rss_bytes);
        perf.push_str(zmij::Buffer::new().format(if percent.is_finite() { percent } else { 0.0 }));
        perf.push('}');
        let mut extra = Pairs::default();
        extra.number("threads", sample.threads);
        if let Some(open_files) = sample.open_files {
            extra.number("open_files", open_files);
        }
        #[cfg(feature = "tokio")]
        self.push_runtime(&mut extra);
        core.tell(
            &SAMPLE,
            &Plain {
                level: Level::Info,
                scope: Scope::Stat,
                msg: SAMPLE.name(),
                columns: &perf,
                extra: extra.as_bytes(),
            },
        );
    }

    #[cfg(feature = "tokio")]
    fn push_runtime(&self, extra: &mut Pairs) {
        let Some(runtime) = &self.runtime else { return };
        let metrics = runtime.metrics();
        extra.number("tokio_workers", metrics.num_workers() as u64);
        extra.number("tokio_alive_tasks", metrics.num_alive_tasks() as u64);
        extra.number("tokio_global_queue", metrics.global_queue_depth() as u64);
    }
}

impl Sample {
    fn take() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        // As many entries as there are, and one more for the directory itself.
        let open_files =
            fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1));
        Some(Self {
            rss_bytes: number_after(&status, "\nVmRSS:")? << 10,
            cpu_time: cpu_time()?,
            threads: number_after(&status, "\nThreads:")?,
            open_files,
        })
    }
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Of the whole process since it began.
fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, with whatever it has in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(14 - 3);
    let ticks = times.next()?.parse::<u32>().ok()?.checked_add(times.next()?.parse().ok()?)?;
    Some(TICK * ticks)
}
