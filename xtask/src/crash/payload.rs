//! What the reporters send: issues by number, events by id, and the bodies that carry them.

use md5::{Digest, Md5};
use serde_json::{Value, json};

/// Every id of an event starts with this; whatever else is in the store is not ours.
pub(super) const EVENT_ID_PREFIX: &str = "crash-";

/// Every so many issues there is one that also arrives in batches of records; the others are only reported, so that
/// exactly one answer has to call them new.
const BATCHED_EVERY: u32 = 4;

/// Projects that the issues are spread over.
const PROJECTS: [&str; 4] = ["crash_api", "crash_web", "crash_jobs", "crash_édge"];

const ERROR_TYPES: [&str; 5] =
    ["ValueError", "TypeError", "std::io::Error", "django.db.utils.OperationalError", "RangeError"];

/// One error that happened: the unit that has to be counted exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Unique over the whole run; travels as the id of the request in which the error happened.
    pub(super) id: String,
    /// The number of the issue that it belongs to.
    pub(super) issue: u32,
}

impl Event {
    /// The event that `reporter` sends as its `sequence`-th in `round`.
    pub(super) fn new(round: u32, reporter: usize, sequence: u64, issue: u32) -> Self {
        Self { id: format!("{EVENT_ID_PREFIX}{round}-{reporter}-{sequence}"), issue }
    }

    /// What the ids of all events of `round` start with.
    pub(super) fn prefix_of_round(round: u32) -> String {
        format!("{EVENT_ID_PREFIX}{round}-")
    }

    /// The body of `POST /api/v1/logs/report`.
    pub(super) fn report(&self) -> Value {
        let Place { project, error_type, file_path, line_number } = place(self.issue);
        json!({
            "project_id": project,
            "environment": "staging",
            "level": "ERROR",
            "version": "1.4.2",
            "error": {
                "type": error_type,
                "message": format!("event {} of issue {}", self.id, self.issue),
                "file_path": file_path,
                "line_number": line_number,
                "stack_trace": [format!("File \"{file_path}\", line {line_number}, in handle"), "  raise"],
            },
            "context": {"request_id": self.id, "user_id": format!("user-{}", self.issue % 17)},
        })
    }

    /// One record of `POST /api/v1/events`.
    pub(super) fn record(&self, time: &str) -> Value {
        let Place { project, error_type, file_path, line_number } = place(self.issue);
        json!({
            "v": 1, "level": 50, "name": project, "hostname": "crash", "pid": 7, "time": time,
            "msg": "request failed",
            "scope": "visit", "event": "trace", "req_id": self.id,
            "environment": "staging",
            "err": {
                "type": error_type,
                "msg": format!("event {} of issue {}", self.id, self.issue),
                "stack": format!("File \"{file_path}\", line {line_number}, in handle"),
                "file_path": file_path,
                "line_number": line_number,
            },
        })
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

struct Place {
    project: &'static str,
    error_type: &'static str,
    file_path: String,
    line_number: u32,
}

fn place(issue: u32) -> Place {
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
}
