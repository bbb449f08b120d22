//! How a hop of a request ended: decided once, when the record of its end comes, and stored with it.

use super::Event;
use log_center_wire::{EventKind, Level, extra};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a hop ended: a request that a service handled, or a call that it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HopState {
    /// With an answer.
    Ok,
    /// With a failure: a status from 500 on, a `grpc-status` that is a fault of the server, a call without an answer, a failed
    /// or panicked handler, a record at ERROR or with an error.
    Error,
    /// Nobody wrote its end, or whoever waited for it went away before.
    Unfinished,
}

/// From this HTTP status on, the server is at fault.
const FAILED_STATUS: u16 = 500;

/// The names under which programs write the status of a gRPC call.
const GRPC_STATUS_KEYS: [&str; 4] = ["grpc-status", "grpc_status", "grpc.status", "rpc.grpc.status_code"];

/// The gRPC statuses that stand for a fault of the server, by number and name. The others are the caller's fault, or none.
const GRPC_FAULTS: [(&str, &str); 7] = [
    ("2", "UNKNOWN"),
    ("4", "DEADLINE_EXCEEDED"),
    ("8", "RESOURCE_EXHAUSTED"),
    ("12", "UNIMPLEMENTED"),
    ("13", "INTERNAL"),
    ("14", "UNAVAILABLE"),
    ("15", "DATA_LOSS"),
];

/// What the pairs and the further keys of a record say of the end of a hop.
#[derive(Default)]
struct Said {
    is_failed: bool,
    is_cancelled: bool,
    status: Option<u16>,
}

impl HopState {
    /// All states.
    pub const ALL: [HopState; 3] = [HopState::Ok, HopState::Error, HopState::Unfinished];

    /// `ok`, `error` or `unfinished`.
    pub const fn as_str(self) -> &'static str {
        match self {
            HopState::Ok => "ok",
            HopState::Error => "error",
            HopState::Unfinished => "unfinished",
        }
    }

    /// The state of that name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// What the record says that ends a hop; `None` for every other record.
    pub(super) fn of(event: &Event<'_>) -> Option<Self> {
        let kind = Some(&event.event).filter(|kind| !kind.is_empty())?.parse().ok()?;
        let status = match kind {
            EventKind::ClientRes => Some(event.status).filter(|status| *status != 0),
            EventKind::ServiceEnd | EventKind::ServiceErr => event.service_http_code,
            EventKind::ClientReq | EventKind::ServiceStart | EventKind::Trace => return None,
        };
        let said = Said::of(event);
        let is_error = said.is_failed
            || status.or(said.status).is_some_and(|status| status >= FAILED_STATUS)
            || event.level >= Level::Error.number()
            || [&event.err_type, &event.err_msg, &event.service_err].iter().any(|text| !text.is_empty());
        Some(match kind {
            _ if is_error => HopState::Error,
            _ if said.is_cancelled => HopState::Unfinished,
            EventKind::ServiceErr => HopState::Error,
            _ => HopState::Ok,
        })
    }
}

impl Said {
    fn of(event: &Event<'_>) -> Self {
        let mut said = Self::default();
        for (key, value) in extra::iter(&event.extra) {
            match key {
                "outcome" => {
                    said.is_failed |= matches!(&*value, "failed" | "panicked");
                    said.is_cancelled |= value == "cancelled";
                }
                "status" => said.status = value.parse().ok(),
                key if is_grpc_status(key) => said.is_failed |= is_grpc_fault(&value),
                _ => {}
            }
        }
        // Nearly no record has such a key, so its JSON is read only if there may be one.
        if event.attributes.contains("grpc") {
            said.is_failed |= further_keys(&event.attributes)
                .any(|(key, value)| is_grpc_status(&key) && is_grpc_fault(value.get().trim_matches('"')));
        }
        said
    }
}

/// The keys of a record that the contract does not know, at its top.
fn further_keys(attributes: &str) -> impl Iterator<Item = (Cow<'_, str>, &RawValue)> {
    let keys: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(attributes).unwrap_or_default();
    keys.into_iter()
}

/// Whether this is the key of a gRPC status, at the top of a record or in one of its objects (`service_res.grpc_status`).
fn is_grpc_status(key: &str) -> bool {
    GRPC_STATUS_KEYS
        .iter()
        .any(|known| key.strip_suffix(known).is_some_and(|object| object.is_empty() || object.ends_with('.')))
}

fn is_grpc_fault(value: &str) -> bool {
    GRPC_FAULTS.iter().any(|(number, name)| value == *number || value.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Option<HopState>, event: Event<'_>) {
        assert_eq!(HopState::of(&event), expected, "{event:?}");
    }

    fn end(kind: &'static str) -> Event<'static> {
        Event { event: kind.into(), level: 30, ..Event::empty("shop".into()) }
    }

    #[test]
    fn only_an_end_has_a_state() {
        for kind in ["", "client-req", "service-start", "trace", "something"] {
            check(None, Event { level: 60, status: 500, err_msg: "lost".into(), ..end(kind) });
        }
    }

    #[test]
    fn what_is_answered_is_ok() {
        check(Some(HopState::Ok), Event { status: 200, ..end("client-res") });
        check(Some(HopState::Ok), Event { status: 499, level: 40, ..end("client-res") });
        check(Some(HopState::Ok), end("client-res"));
        check(Some(HopState::Ok), Event { service_http_code: Some(404), ..end("service-end") });
        for status in ["0", "1", "3", "5", "7", "16", "OK", "not_found"] {
            check(
                Some(HopState::Ok),
                Event { extra: format!("grpc-status={status}").into(), ..end("service-end") },
            );
        }
    }

    #[test]
    fn every_kind_of_failure_is_an_error() {
        let error = Some(HopState::Error);
        for kind in ["client-res", "service-end", "service-err"] {
            check(error, Event { level: 50, ..end(kind) });
            check(error, Event { err_type: "Timeout".into(), ..end(kind) });
            check(error, Event { err_msg: "timed out".into(), ..end(kind) });
            check(error, Event { extra: "a=1 outcome=failed".into(), ..end(kind) });
            check(error, Event { extra: "outcome=panicked".into(), ..end(kind) });
            for status in ["2", "4", "8", "12", "13", "14", "15", "UNAVAILABLE"] {
                check(error, Event { extra: format!("grpc_status={status}").into(), ..end(kind) });
            }
            check(error, Event { attributes: r#"{"grpc-status":14}"#.into(), ..end(kind) });
            check(error, Event { attributes: r#"{"service_res.grpc_status":"13"}"#.into(), ..end(kind) });
        }
        check(error, Event { status: 500, ..end("client-res") });
        check(error, Event { service_http_code: Some(503), ..end("service-end") });
        check(error, Event { extra: "status=503".into(), ..end("service-end") });
        check(error, Event { service_err: "refused".into(), ..end("service-end") });
        check(error, end("service-err"));
    }

    #[test]
    fn whoever_went_away_leaves_a_hop_unfinished() {
        for kind in ["client-res", "service-end", "service-err"] {
            check(Some(HopState::Unfinished), Event { extra: "outcome=cancelled".into(), ..end(kind) });
        }
        check(
            Some(HopState::Error),
            Event { extra: "outcome=cancelled".into(), status: 500, ..end("client-res") },
        );
    }
}
