//! Hosts whose clocks differ: when hops were, if all went by the clock of the outermost one.

use super::answer::Placed;

/// The hops on one clock.
pub(super) struct Clocks {
    /// By how many milliseconds the clock of each hop is ahead of that of the outermost hop around it.
    ahead: Vec<f64>,
    /// When the first of them begins, after the request's start as it is written.
    start_ms: f64,
    /// From there to the end of the last.
    pub(super) duration_ms: f64,
    /// There are signs that clocks differ.
    pub(super) differ: bool,
}

impl Clocks {
    /// A hop's clock differs from its caller's by what the server found out, and whatever is inside of the hop goes by the
    /// hop's clock unless there is a sign that it does not.
    pub(super) fn new(hops: &[Placed]) -> Self {
        let mut ahead: Vec<f64> = Vec::with_capacity(hops.len());
        // Those of the hops around the next one.
        let mut around: Vec<f64> = Vec::new();
        for Placed { depth, hop } in hops {
            around.truncate(*depth);
            let own = around.last().copied().unwrap_or(0.0) + hop.clock_skew_ms.unwrap_or(0.0);
            around.push(own);
            ahead.push(own);
        }
        let starts = || hops.iter().zip(&ahead).map(|(placed, ahead)| placed.hop.start_ms - ahead);
        let ends =
            hops.iter().zip(starts()).map(|(placed, start)| start + placed.hop.duration_ms.unwrap_or(0.0));
        let start_ms = starts().min_by(f64::total_cmp).unwrap_or(0.0);
        let end_ms = ends.max_by(f64::total_cmp).unwrap_or(0.0);
        let differ = hops.iter().any(|placed| placed.hop.clock_skew_ms.is_some());
        Self { ahead, start_ms, duration_ms: end_ms - start_ms, differ }
    }

    /// When the hop of this number began. Without a sign that clocks differ that is what is written.
    pub(super) fn start_ms(&self, index: usize, written_ms: f64) -> f64 {
        if self.differ { written_ms - self.ahead[index] - self.start_ms } else { written_ms }
    }
}
