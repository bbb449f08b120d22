use crate::limits::{BACKOFF_FIRST, BACKOFF_MOST};
use crate::line::random;
use std::time::Duration;

/// The pauses between attempts: doubling, half of each random, so that a thousand services that lost the same
/// server do not come back in the same instant.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let doubled = BACKOFF_FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let half = doubled.min(BACKOFF_MOST) / 2;
        // Half a minute at most: it fits.
        let half_micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(random() % half_micros)
    }
}
