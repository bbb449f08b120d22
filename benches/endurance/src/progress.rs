use std::time::{Duration, Instant};

/// Says how far a long run is, from time to time.
pub(crate) struct Progress {
    what: &'static str,
    goal: u64,
    started: Instant,
    last: Instant,
}

impl Progress {
    /// How often to call [`show`](Self::show).
    pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

    const BETWEEN_LINES: Duration = Duration::from_secs(10);

    pub(crate) fn new(what: &'static str, goal: u64) -> Self {
        let now = Instant::now();
        Self { what, goal, started: now, last: now }
    }

    /// A line with the rate and the time that is left, if the last one is some seconds old.
    pub(crate) fn show(&mut self, done: u64) {
        if self.last.elapsed() < Self::BETWEEN_LINES {
            return;
        }
        self.last = Instant::now();
        let rate = done as f64 / self.started.elapsed().as_secs_f64();
        let left = self.goal.saturating_sub(done) as f64 / rate;
        println!("{done} of {} {}, {rate:.0}/s, {left:.0} s left", self.goal, self.what);
    }
}
