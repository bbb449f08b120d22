//! What the reporters send: events by id, and issues by number.

use std::fmt;
use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};

/// Every id of an event starts with this; whatever else is in the store is not ours.
const ID_PREFIX: &str = "crash-";

/// Every so many issues there is one that also arrives in batches of records; the others are only reported, so that
/// exactly one answer has to call them new.
const BATCHED_EVERY: u32 = 4;

/// How many days the events of most batches are spread over, today and those before: rows of each day are an insert of
/// their own.
pub(super) const FEW_DAYS: u64 = 3;

/// The same of some batches: what is long ago goes through the spool in a lane of its own, and in slices.
pub(super) const MANY_DAYS: u64 = 12;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Projects that the issues are spread over.
const PROJECTS: [&str; 4] = ["crash_api", "crash_web", "crash_jobs", "crash_édge"];

const ERROR_TYPES: [&str; 5] =
    ["ValueError", "TypeError", "std::io::Error", "django.db.utils.OperationalError", "RangeError"];

/// What names an event, over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id {
    pub(super) round: u32,
    reporter: u32,
    sequence: u64,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An error: an occurrence of the issue of this number. May come as a report and as a record.
    Error(u32),
    /// The records of requests and processes, which are added up in tables of their own.
    Asked,
    Answered,
    Called,
    CallFailed,
    Sampled,
    Noted,
}

/// One thing that happened: the unit that has to be counted exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Id,
    pub(super) kind: Kind,
    /// When it happened. It stays the same however often the event is sent.
    pub(super) at: SystemTime,
}

impl Event {
    /// The event that `reporter` sends as its `sequence`-th in `round`, an error that happened now.
    pub(super) fn error(round: u32, reporter: usize, sequence: u64, issue: u32) -> Self {
        let reporter = u32::try_from(reporter).unwrap_or(u32::MAX);
        Self { id: Id { round, reporter, sequence }, kind: Kind::Error(issue), at: SystemTime::now() }
    }

    /// The same as a record among others in a batch: of this kind, and of one of so many days.
    pub(super) fn in_batch(round: u32, reporter: usize, sequence: u64, kind: Kind, days: u64) -> Self {
        // Three quarters are of today: most of what arrives is.
        let days_ago = if sequence.is_multiple_of(4) { (sequence / 4 % days) as u32 } else { 0 };
        let event = Self::error(round, reporter, sequence, 0);
        Self { kind, at: event.at - DAY * days_ago, ..event }
    }

    /// The issue that it is an occurrence of.
    pub(super) fn issue(&self) -> Option<u32> {
        match self.kind {
            Kind::Error(issue) => Some(issue),
            _ => None,
        }
    }

    /// Whether it names itself, so that it counts once by whichever way it comes; if not, it counts once as a record
    /// whose text is the same.
    pub(super) fn names_itself(&self) -> bool {
        self.id.sequence % 4 != 3
    }
}

impl Id {
    /// Some of what happens belongs to the same request, which has an id like this; of every other kind it is a UUIDv7.
    pub(super) fn request(self) -> String {
        let Self { round, reporter, sequence } = self;
        let request = sequence / 3;
        if request.is_multiple_of(2) {
            return format!("visit-{round}-{reporter}-{request}");
        }
        format!("{round:08x}-{:04x}-7000-8000-{request:012x}", reporter & 0xffff)
    }

    /// Its number among those of its reporter in its round.
    pub(super) fn number(self) -> u64 {
        self.sequence
    }

    /// What the ids of all events of `round` start with.
    pub(super) fn prefix_of_round(round: u32) -> String {
        format!("{ID_PREFIX}{round}-")
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(ID_PREFIX)?.split('-');
        let (round, reporter, sequence) = (parts.next()?, parts.next()?, parts.next()?);
        let id = Self {
            round: round.parse().ok()?,
            reporter: reporter.parse().ok()?,
            sequence: sequence.parse().ok()?,
        };
        parts.next().is_none().then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID_PREFIX}{}-{}-{}", self.round, self.reporter, self.sequence)
    }
}

/// The issue in the neighbourhood of `issue` that may also arrive in a batch, whose answer does not say what was new.
pub(super) fn batched_near(issue: u32) -> u32 {
    issue / BATCHED_EVERY * BATCHED_EVERY
}

/// The fingerprint by the contract, computed here anew so that the check does not lean on the code under test.
pub(super) fn fingerprint(issue: u32) -> String {
    let Place { project, error_type, file_path, line_number } = place(issue);
    let digest = Md5::digest(format!("{project}{error_type}{file_path}{line_number}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where an issue is.
pub(super) struct Place {
    pub(super) project: &'static str,
    pub(super) error_type: &'static str,
    pub(super) file_path: String,
    pub(super) line_number: u32,
}

pub(super) fn place(issue: u32) -> Place {
    let pick = |list: &[&'static str]| list[issue as usize % list.len()];
    Place {
        project: pick(&PROJECTS),
        error_type: pick(&ERROR_TYPES),
        file_path: format!("apps/module_{}/views.py", issue / 50),
        line_number: issue % 50 + 1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn issues_have_fingerprints_of_their_own() {
        let all: HashSet<_> = (0..10_000).map(fingerprint).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|text| text.len() == 32));
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = Event::error(12, 3, 456, 0).id;
        assert_eq!(id.to_string(), "crash-12-3-456");
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        assert!(id.to_string().starts_with(&Id::prefix_of_round(12)));
        for text in ["", "crash-1-2", "crash-1-2-3-4", "other-1-2-3", "crash-1-2-x"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_batch_has_several_days() {
        for expected in [FEW_DAYS, MANY_DAYS] {
            let days: HashSet<_> = (0..4 * expected)
                .map(|sequence| Event::in_batch(0, 0, sequence, Kind::Noted, expected).at)
                .filter_map(|at| at.elapsed().ok())
                .map(|age| age.as_secs() / 86_400)
                .collect();
            assert_eq!(days.len() as u64, expected);
        }
    }
}
