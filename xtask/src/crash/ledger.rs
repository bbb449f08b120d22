//! The account of a run: what was acknowledged, against what ClickHouse shows. No I/O.

use std::collections::{BTreeMap, HashMap};

use super::payload::{self, Event};

/// What became of an event that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Answered with 200: has to be counted once, for ever. `is_new` if the answer says it.
    Acked { is_new: Option<bool> },
    /// The answer never came and was not asked for again: may be counted, once at most.
    Unclear,
    /// Never reached the server, or was refused: must not be counted.
    Refused,
}

/// What ClickHouse shows at one moment.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// `count` of the view `issues`, by fingerprint.
    pub(super) issues: HashMap<String, u64>,
    /// Rows of the view `events`, by fingerprint.
    pub(super) events: HashMap<String, u64>,
}

/// Rows of the view `events` by the id of the event, with their fingerprint.
pub(super) type SeenEvents = HashMap<String, (u64, String)>;

/// Everything that was sent since the run began.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tallies: BTreeMap<String, Tally>,
    events: HashMap<String, (Fate, u32)>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    acked: u64,
    unclear: u64,
    /// Answers that said `is_new`.
    first_answers: u64,
    /// An event came in a way that may have made the issue without anyone being told.
    first_may_be_untold: bool,
}

/// The totals of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) acked: u64,
    pub(super) unclear: u64,
    pub(super) refused: u64,
    pub(super) issues: u64,
}

/// Where the store and the account differ. `lost` may still be on its way, the others never heal.
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

/// Differences that are put into words; the rest is only counted.
const EXAMPLES_AT_MOST: usize = 20;

impl Ledger {
    /// Takes down one event.
    pub(super) fn enter(&mut self, event: Event, fate: Fate) {
        let tally = self.tallies.entry(payload::fingerprint(event.issue)).or_default();
        match fate {
            Fate::Acked { is_new } => {
                tally.acked += 1;
                tally.first_answers += u64::from(is_new == Some(true));
                tally.first_may_be_untold |= is_new.is_none();
            }
            Fate::Unclear => {
                tally.unclear += 1;
                tally.first_may_be_untold = true;
            }
            Fate::Refused => {}
        }
        self.events.insert(event.id, (fate, event.issue));
    }

    /// The totals so far.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for tally in self.tallies.values() {
            totals.acked += tally.acked;
            totals.unclear += tally.unclear;
            totals.issues += u64::from(tally.acked > 0);
        }
        totals.refused = self.events.values().filter(|(fate, _)| *fate == Fate::Refused).count() as u64;
        totals
    }

    /// Compares the counts of every issue: acknowledged <= count <= acknowledged + unclear, the same in both views.
    pub(super) fn compare_issues(&self, seen: &Seen) -> Findings {
        let mut findings = Findings::default();
        for (fingerprint, tally) in &self.tallies {
            let count = seen.issues.get(fingerprint).copied().unwrap_or(0);
            let rows = seen.events.get(fingerprint).copied().unwrap_or(0);
            let Tally { acked, unclear, .. } = *tally;
            let counts = format!(
                "{fingerprint}: {acked} acknowledged, {unclear} unclear, {count} counted, {rows} events"
            );
            findings.lost +=
                findings.note(acked.saturating_sub(count.min(rows)), "issue lacks events", &counts);
            let too_many = count.max(rows).saturating_sub(acked + unclear);
            findings.doubled += findings.note(too_many, "issue has too many events", &counts);
            findings.unequal += findings.note(u64::from(count != rows), "views differ", &counts);
        }
        let strangers =
            seen.issues.keys().chain(seen.events.keys()).filter(|key| !self.tallies.contains_key(*key));
        for fingerprint in strangers {
            findings.doubled += findings.note(1, "issue that nobody reported", fingerprint);
        }
        findings
    }

    /// Compares event by event those whose id starts with `prefix`.
    pub(super) fn compare_events(&self, seen: &SeenEvents, prefix: &str) -> Findings {
        let mut findings = Findings::default();
        for (id, &(fate, issue)) in self.events.iter().filter(|(id, _)| id.starts_with(prefix)) {
            let (rows, fingerprint) = seen.get(id).map_or((0, ""), |(rows, text)| (*rows, text.as_str()));
            let (least, most) = match fate {
                Fate::Acked { .. } => (1, 1),
                Fate::Unclear => (0, 1),
                Fate::Refused => (0, 0),
            };
            let what = format!("{id} ({fate:?}): {rows} rows, fingerprint {fingerprint:?}");
            findings.lost += findings.note(u64::saturating_sub(least, rows), "event missing", &what);
            findings.doubled += findings.note(rows.saturating_sub(most), "event counted too often", &what);
            if rows > 0 && fingerprint != payload::fingerprint(issue) {
                findings.lost += findings.note(1, "event in the wrong issue", &what);
            }
        }
        for id in seen.keys().filter(|id| !self.events.contains_key(*id)) {
            findings.doubled += findings.note(1, "event that nobody sent", id);
        }
        findings
    }

    /// Issues that were not told to be new to exactly one reporter (to one at most, if the answer may have been lost).
    pub(super) fn wrong_firsts(&self) -> Vec<String> {
        let wrong = |tally: &Tally| {
            let missing = tally.first_answers == 0 && tally.acked > 0 && !tally.first_may_be_untold;
            tally.first_answers > 1 || missing
        };
        let describe = |(fingerprint, tally): (&String, &Tally)| {
            format!("{fingerprint}: {} answers said is_new ({tally:?})", tally.first_answers)
        };
        self.tallies.iter().filter(|(_, tally)| wrong(tally)).map(describe).collect()
    }
}

impl Findings {
    /// Whether everything is there and everything agrees.
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.unequal == 0
    }

    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.lost = self.lost.max(other.lost);
        self.doubled = self.doubled.max(other.doubled);
        self.unequal = self.unequal.max(other.unequal);
        self.examples.extend(other.examples);
        self
    }

    fn note(&mut self, count: u64, what: &str, example: &str) -> u64 {
        if count > 0 && self.examples.len() < EXAMPLES_AT_MOST {
            self.examples.push(format!("{what}: {example}"));
        }
        count
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
