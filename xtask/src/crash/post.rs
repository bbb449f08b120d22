//! One post: its events, its bytes, and what its answer has to be.

use serde_json::{Value, json};

use super::ledger::Fate;
use super::payload::{self, Event};

/// Where single reports go.
pub(super) const REPORT_PATH: &str = "/api/v1/logs/report";

/// Where batches of records go.
const EVENTS_PATH: &str = "/api/v1/events";

/// What is posted, as often as it takes.
#[derive(Debug, Clone)]
pub(super) struct Post {
    /// Where to.
    pub(super) path: &'static str,
    /// What makes a repetition count once.
    pub(super) key: Option<String>,
    /// The bytes.
    pub(super) body: String,
    /// What is in it; at least one.
    pub(super) events: Vec<Event>,
    /// Whether the key travels in the body (`event_id`) instead of the header.
    key_in_body: bool,
}

impl Post {
    /// A single report, with a key or without.
    pub(super) fn report(event: Event, keyed: bool, key_in_body: bool) -> Self {
        let key = keyed.then(|| format!("key-{}", event.id));
        let mut body = event.report();
        if let Some(key) = key.as_ref().filter(|_| key_in_body) {
            body["event_id"] = json!(key);
        }
        Self { path: REPORT_PATH, key, body: body.to_string(), events: vec![event], key_in_body }
    }

    /// A batch of records with level 50 and an `err`, always with a key.
    pub(super) fn batch(events: Vec<Event>) -> Self {
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let lines: Vec<_> = events.iter().map(|event| event.record(&time).to_string()).collect();
        let key = events.first().map(|event| format!("key-{}", event.id));
        Self { path: EVENTS_PATH, key, body: lines.join("\n"), events, key_in_body: false }
    }

    /// The key that goes into the header.
    pub(super) fn header_key(&self) -> Option<&str> {
        self.key.as_deref().filter(|_| !self.key_in_body)
    }

    /// What an answer with status 200 means, and what is wrong with it.
    pub(super) fn judge(&self, answer: &Value) -> (Fate, Option<String>) {
        if self.path == EVENTS_PATH {
            let right = answer["accepted"] == self.events.len() && answer["rejected"] == json!([]);
            let complaint = (!right).then(|| format!("batch of {} answered {answer}", self.events.len()));
            return (Fate::Acked { is_new: None }, complaint);
        }
        let is_new = answer["is_new"].as_bool();
        let status = if is_new == Some(true) { "ok" } else { "duplicate" };
        let right = answer.as_object().is_some_and(|keys| keys.len() == 4)
            && is_new.is_some()
            && answer["status"] == status
            && answer["id"].is_u64()
            && answer["fingerprint"] == payload::fingerprint(self.events[0].issue);
        (Fate::Acked { is_new }, (!right).then(|| format!("answered {answer}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &Value, right: bool) {
        let (_, complaint) = Post::report(Event::new(0, 0, 0, 9), true, false).judge(answer);
        assert_eq!(complaint.is_none(), right, "{answer}");
    }

    #[test]
    fn answers_are_checked_key_by_key() {
        let fingerprint = payload::fingerprint(9);
        check(&json!({"status": "ok", "id": 1, "fingerprint": fingerprint, "is_new": true}), true);
        check(&json!({"status": "duplicate", "id": 1, "fingerprint": fingerprint, "is_new": false}), true);
        check(&json!({"status": "ok", "id": 1, "fingerprint": fingerprint, "is_new": false}), false);
        check(&json!({"status": "ok", "id": "1", "fingerprint": fingerprint, "is_new": true}), false);
        check(&json!({"status": "ok", "id": 1, "fingerprint": "00", "is_new": true}), false);
        check(&json!({"status": "ok", "id": 1, "fingerprint": fingerprint}), false);
        check(&json!([]), false);
    }

    #[test]
    fn the_key_travels_in_one_place() {
        let event = Event::new(0, 0, 0, 9);
        assert!(Post::report(event.clone(), true, true).header_key().is_none());
        assert!(Post::report(event.clone(), true, true).body.contains("event_id"));
        assert!(Post::report(event.clone(), true, false).header_key().is_some());
        assert!(Post::report(event, false, true).key.is_none());
    }
}
