//! Memory and processor time of a process, from `/proc`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often memory is read.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// What a process used in a span of time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Highest resident memory that was seen, in bytes.
    pub rss_max_bytes: u64,
    /// Processor time, user and system, in seconds.
    pub cpu_seconds: f64,
}

/// Watches processes from its start to [`end`](Self::end).
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Usage>>,
}

impl Watch {
    /// Watches `pids`.
    pub fn start(pids: Vec<u32>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || watch(&pids, &stopped));
        Self { stop, thread }
    }

    /// What each of them used, in the order in which they were given.
    pub fn end(self) -> Vec<Usage> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn watch(pids: &[u32], stopped: &AtomicBool) -> Vec<Usage> {
    let before: Vec<_> = pids.iter().map(|pid| cpu_seconds(*pid)).collect();
    let mut usages = vec![Usage::default(); pids.len()];
    while !stopped.load(Ordering::Relaxed) {
        for (usage, pid) in usages.iter_mut().zip(pids) {
            usage.rss_max_bytes = usage.rss_max_bytes.max(rss_bytes(*pid));
        }
        thread::sleep(SAMPLE_EVERY);
    }
    for ((usage, pid), before) in usages.iter_mut().zip(pids).zip(before) {
        usage.cpu_seconds = cpu_seconds(*pid) - before;
    }
    usages
}

/// Resident memory; 0 if the process is gone.
fn rss_bytes(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Processor time since its start; 0 if the process is gone.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name in parentheses the state is field 3; user and system time are fields 14 and 15.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
