//! Where the store and the account differ, counted, and in words.

/// Differences that are put into words; the rest is only counted.
const EXAMPLES_AT_MOST: usize = 20;

/// What is wrong. `lost` may still be on its way, the others never heal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Acknowledged events that are missing, or are in another issue.
    pub(super) lost: u64,
    /// Counted more often than they can have happened.
    pub(super) doubled: u64,
    /// Issues whose count is not the number of their events.
    pub(super) unequal: u64,
    /// Words for the first few of each.
    pub(super) examples: Vec<String>,
}

impl Findings {
    /// Whether everything is there and everything agrees.
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.unequal == 0
    }

    /// Whether nothing is to come any more.
    pub(super) fn is_settled(&self) -> bool {
        self.lost == 0 && self.unequal == 0
    }

    /// Several looks at the same store. One that lost an event may be seen by several of them, so the worst look counts.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.lost = self.lost.max(other.lost);
        self.doubled = self.doubled.max(other.doubled);
        self.unequal = self.unequal.max(other.unequal);
        self.examples.extend(other.examples);
        self
    }

    /// So many are missing.
    pub(super) fn lose(&mut self, count: u64, what: &str, example: impl Fn() -> String) {
        self.lost += count;
        self.note(count, what, example);
    }

    /// So many are there too often.
    pub(super) fn double(&mut self, count: u64, what: &str, example: impl Fn() -> String) {
        self.doubled += count;
        self.note(count, what, example);
    }

    /// So many are unlike each other.
    pub(super) fn differ(&mut self, count: u64, what: &str, example: impl Fn() -> String) {
        self.unequal += count;
        self.note(count, what, example);
    }

    fn note(&mut self, count: u64, what: &str, example: impl Fn() -> String) {
        if count > 0 && self.examples.len() < EXAMPLES_AT_MOST {
            self.examples.push(format!("{what}: {}", example()));
        }
    }
}
