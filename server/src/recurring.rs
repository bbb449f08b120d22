//! A log gate: each new cause is logged once, and how often it came again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a cause that lasts is logged again, with the number of times that it came.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Failures that repeat, told apart by their cause. Keep the causes few: each is remembered.
pub struct Recurring<K> {
    causes: Mutex<BTreeMap<K, Seen>>,
}

struct Seen {
    said: Instant,
    unsaid: u64,
}

impl<K: Ord> Recurring<K> {
    /// A gate through which nothing has come.
    pub const fn new() -> Self {
        Self { causes: Mutex::new(BTreeMap::new()) }
    }

    /// Notes that it came. `Some(times)`: log it now; it came so often since it was logged last.
    pub fn came(&self, cause: K) -> Option<u64> {
        self.came_at(cause, Instant::now())
    }

    /// Forgets every cause, because what failed works again. The causes that came again without being logged, with how
    /// often they did.
    pub fn ended(&self) -> Vec<(K, u64)> {
        let causes = std::mem::take(&mut *self.causes.lock().unwrap_or_else(PoisonError::into_inner));
        causes
            .into_iter()
            .filter(|(_, seen)| seen.unsaid > 0)
            .map(|(cause, seen)| (cause, seen.unsaid))
            .collect()
    }

    fn came_at(&self, cause: K, now: Instant) -> Option<u64> {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = causes.get_mut(&cause) else {
            causes.insert(cause, Seen { said: now, unsaid: 0 });
            return Some(1);
        };
        seen.unsaid += 1;
        if now.saturating_duration_since(seen.said) < SAID_EVERY {
            return None;
        }
        seen.said = now;
        Some(std::mem::take(&mut seen.unsaid))
    }
}

impl<K: Ord> Default for Recurring<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Recurring, SAID_EVERY};
    use std::time::Instant;

    #[test]
    fn says_each_cause_once_and_how_often_it_came_again() {
        let (gate, start) = (Recurring::new(), Instant::now());
        assert_eq!(gate.came_at("a", start), Some(1));
        assert_eq!(gate.came_at("a", start), None);
        assert_eq!(gate.came_at("b", start), Some(1));
        assert_eq!(gate.came_at("a", start + SAID_EVERY), Some(2));
        assert_eq!(gate.came_at("a", start + SAID_EVERY), None);
        assert_eq!(gate.ended(), [("a", 1)]);
        assert_eq!(gate.came_at("a", start), Some(1));
    }
}
