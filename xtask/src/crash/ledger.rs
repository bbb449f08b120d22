//! The account of a run: what was acknowledged, against what ClickHouse shows. No I/O.

use std::collections::{BTreeMap, HashMap};

use super::findings::Findings;
use super::payload::{self, Event, Id};

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

/// Rows of the view `events` by the id of the event, with their fingerprint (empty: no issue).
pub(super) type SeenEvents = HashMap<Id, (u64, String)>;

/// Everything that was sent since the run began.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tallies: BTreeMap<u32, Tally>,
    /// By round, so that one round can be looked at without the others.
    events: BTreeMap<u32, HashMap<Id, Entry>>,
    totals: Totals,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    fate: Fate,
    issue: Option<u32>,
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
    /// Events that were sent again by another way.
    pub(super) repeated: u64,
}

impl Fate {
    /// What is known of an event that was sent twice.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Fate::Acked { .. }, _) | (Fate::Unclear, Fate::Refused) => self,
            _ => other,
        }
    }
}

impl Ledger {
    /// Takes down one event, as often as it was sent.
    pub(super) fn enter(&mut self, event: &Event, fate: Fate) {
        let issue = event.issue();
        let entries = self.events.entry(event.id.round).or_default();
        let before = entries.get(&event.id).map(|entry| entry.fate);
        let now = before.map_or(fate, |before| before.or(fate));
        entries.insert(event.id, Entry { fate: now, issue });
        self.totals.repeated += u64::from(before.is_some());
        if let Some(before) = before {
            *self.totals.of(before) -= 1;
        }
        *self.totals.of(now) += 1;
        if let Some(issue) = issue {
            let tally = self.tallies.entry(issue).or_default();
            tally.take(before, now);
            tally.first_answers += u64::from(fate == Fate::Acked { is_new: Some(true) });
            tally.first_may_be_untold |= matches!(fate, Fate::Acked { is_new: None } | Fate::Unclear);
        }
    }

    /// The totals so far.
    pub(super) fn totals(&self) -> Totals {
        let issues = self.tallies.values().filter(|tally| tally.acked > 0).count() as u64;
        Totals { issues, ..self.totals }
    }

    /// The rounds in which something was sent.
    pub(super) fn rounds(&self) -> Vec<u32> {
        self.events.keys().copied().collect()
    }

    /// Compares the counts of every issue: acknowledged <= count <= acknowledged + unclear, the same in both views.
    pub(super) fn compare_issues(&self, seen: &Seen) -> Findings {
        let mut findings = Findings::default();
        let mut strangers: HashMap<_, _> = seen.issues.iter().chain(&seen.events).collect();
        for (issue, tally) in &self.tallies {
            let fingerprint = payload::fingerprint(*issue);
            strangers.remove(&fingerprint);
            let count = seen.issues.get(&fingerprint).copied().unwrap_or(0);
            let rows = seen.events.get(&fingerprint).copied().unwrap_or(0);
            let Tally { acked, unclear, .. } = *tally;
            let counts = || {
                format!(
                    "{fingerprint}: {acked} acknowledged, {unclear} unclear, {count} counted, {rows} events"
                )
            };
            findings.lose(acked.saturating_sub(count.min(rows)), "issue lacks events", counts);
            findings.double(
                count.max(rows).saturating_sub(acked + unclear),
                "issue has too many events",
                counts,
            );
            findings.differ(u64::from(count != rows), "views differ", counts);
        }
        for fingerprint in strangers.keys() {
            findings.double(1, "issue that nobody reported", || (*fingerprint).clone());
        }
        findings
    }

    /// Compares the events of one round, one by one.
    pub(super) fn compare_events(&self, seen: &SeenEvents, round: u32) -> Findings {
        let mut findings = Findings::default();
        let nothing = HashMap::new();
        let entries = self.events.get(&round).unwrap_or(&nothing);
        for (id, Entry { fate, issue }) in entries {
            let (rows, fingerprint) = seen.get(id).map_or((0, ""), |(rows, text)| (*rows, text.as_str()));
            let (least, most) = match fate {
                Fate::Acked { .. } => (1, 1),
                Fate::Unclear => (0, 1),
                Fate::Refused => (0, 0),
            };
            let what = || format!("{id} ({fate:?}): {rows} rows, fingerprint {fingerprint:?}");
            findings.lose(u64::saturating_sub(least, rows), "event missing", what);
            findings.double(rows.saturating_sub(most), "event counted too often", what);
            let is_misplaced = rows > 0 && fingerprint != issue.map(payload::fingerprint).unwrap_or_default();
            findings.lose(u64::from(is_misplaced), "event in the wrong issue", what);
        }
        for id in seen.keys().filter(|id| !entries.contains_key(*id)) {
            findings.double(1, "event that nobody sent", || id.to_string());
        }
        findings
    }

    /// The acknowledged events of one round that are not there.
    pub(super) fn missing(&self, seen: &SeenEvents, round: u32) -> Vec<Id> {
        let entries = self.events.get(&round).into_iter().flatten();
        let missing = entries.filter(|(id, entry)| {
            matches!(entry.fate, Fate::Acked { .. }) && seen.get(id).is_none_or(|(rows, _)| *rows == 0)
        });
        missing.map(|(id, _)| *id).collect()
    }

    /// Takes down that these acknowledged events were lost with what they lay in. An older copy may bring them back. An issue
    /// of which nothing is left may be called new once more.
    pub(super) fn forgive(&mut self, lost: &[Id]) {
        for id in lost {
            let Some(entry) = self.events.get_mut(&id.round).and_then(|events| events.get_mut(id)) else {
                continue;
            };
            *self.totals.of(entry.fate) -= 1;
            self.totals.unclear += 1;
            if let Some(tally) = entry.issue.and_then(|issue| self.tallies.get_mut(&issue)) {
                tally.take(Some(entry.fate), Fate::Unclear);
                if tally.acked == 0 {
                    (tally.first_answers, tally.first_may_be_untold) = (0, true);
                }
            }
            entry.fate = Fate::Unclear;
        }
    }

    /// Issues that were not told to be new to exactly one reporter (to one at most, if the answer may have been lost). Each of
    /// several servers may say so once.
    pub(super) fn wrong_firsts(&self, servers: u64) -> Vec<String> {
        let wrong = |tally: &Tally| {
            let missing = tally.first_answers == 0 && tally.acked > 0 && !tally.first_may_be_untold;
            tally.first_answers > servers || missing
        };
        let describe = |(issue, tally): (&u32, &Tally)| {
            let fingerprint = payload::fingerprint(*issue);
            format!("{fingerprint}: {} answers said is_new ({tally:?})", tally.first_answers)
        };
        self.tallies.iter().filter(|(_, tally)| wrong(tally)).map(describe).collect()
    }
}

impl Totals {
    fn of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Acked { .. } => &mut self.acked,
            Fate::Unclear => &mut self.unclear,
            Fate::Refused => &mut self.refused,
        }
    }
}

impl Tally {
    fn take(&mut self, before: Option<Fate>, now: Fate) {
        for (fate, is_gain) in before.map(|fate| (fate, false)).into_iter().chain([(now, true)]) {
            let count = match fate {
                Fate::Acked { .. } => &mut self.acked,
                Fate::Unclear => &mut self.unclear,
                Fate::Refused => continue,
            };
            *count = if is_gain { *count + 1 } else { *count - 1 };
        }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
