//! One post: its events, its bytes, and what its answer has to be.

use serde_json::{Value, json};

use super::ledger::Fate;
use super::payload::{self, Event};

/// Where single reports go.
const REPORT_PATH: &str = "/api/v1/logs/report";

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
    /// Some of its events were sent before by another way: whoever made their issue may have been told so already.
    is_repetition: bool,
}

impl Post {
    /// A single report, with a key or without.
    pub(super) fn report(event: Event, keyed: bool, key_in_body: bool) -> Self {
        let key = keyed.then(|| event.key());
        let mut body = event.report();
        if let Some(key) = key.as_ref().filter(|_| key_in_body) {
            body["event_id"] = json!(key);
        }
        let events = vec![event];
        Self { path: REPORT_PATH, key, body: body.to_string(), events, key_in_body, is_repetition: false }
    }

    /// A report of an error that was sent in a batch before.
    pub(super) fn repeated_report(event: Event, key_in_body: bool) -> Self {
        Self { is_repetition: true, ..Self::report(event, true, key_in_body) }
    }

    /// A batch of records: NDJSON, with a key or without.
    pub(super) fn batch(events: Vec<Event>, key: Option<String>) -> Self {
        Self::batch_with(events, key, |_record| {})
    }

    /// The same with records that `change` has changed.
    pub(super) fn batch_with(
        events: Vec<Event>,
        key: Option<String>,
        mut change: impl FnMut(&mut Value),
    ) -> Self {
        let line = |event: &Event| {
            let mut record = event.record();
            change(&mut record);
            record.to_string()
        };
        let lines: Vec<_> = events.iter().map(line).collect();
        let body = lines.join("\n");
        Self { path: EVENTS_PATH, key, body, events, key_in_body: false, is_repetition: false }
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
        let fingerprint = self.events[0].issue().map(payload::fingerprint).unwrap_or_default();
        let right = answer.as_object().is_some_and(|keys| keys.len() == 4)
            && is_new.is_some()
            && answer["status"] == status
            && answer["id"].is_u64()
            && answer["fingerprint"] == fingerprint;
        let told = is_new.filter(|_| !self.is_repetition);
        (Fate::Acked { is_new: told }, (!right).then(|| format!("answered {answer}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::error(0, 0, 0, 9)
    }

    #[track_caller]
    fn check(answer: &Value, right: bool) {
        let (_, complaint) = Post::report(event(), true, false).judge(answer);
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
    fn a_batch_has_to_be_accepted_as_a_whole() {
        let batch = Post::batch(vec![event(), Event::error(0, 0, 1, 9)], None);
        assert!(batch.judge(&json!({"accepted": 2, "rejected": []})).1.is_none());
        for answer in
            [json!({"accepted": 1, "rejected": []}), json!({"accepted": 2, "rejected": [{}]}), json!({})]
        {
            assert!(batch.judge(&answer).1.is_some(), "{answer}");
        }
    }

    #[test]
    fn the_key_travels_in_one_place() {
        assert!(Post::report(event(), true, true).header_key().is_none());
        assert!(Post::report(event(), true, true).body.contains("event_id"));
        assert!(Post::report(event(), true, false).header_key().is_some());
        assert!(Post::report(event(), false, true).key.is_none());
    }

    #[test]
    fn an_error_is_known_by_one_key_whichever_way_it_comes() {
        let key = event().key();
        assert_eq!(event().record()["event_id"], key);
        assert_eq!(Post::repeated_report(event(), false).key.as_deref(), Some(&*key));
    }
}
