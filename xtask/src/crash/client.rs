//! One keep-alive connection of a client that knows exactly what it knows: answered, refused, never sent, or unclear.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// How long an answer may take before its fate is unclear.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the server listens at the moment; empty while it is down.
#[derive(Debug, Clone, Default)]
pub(super) struct Address(Arc<RwLock<Option<String>>>);

impl Address {
    pub(super) fn set(&self, base_url: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = base_url;
    }

    pub(super) fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a client knows after a post.
#[derive(Debug)]
pub(super) enum Reply {
    /// 200 and its JSON.
    Answered(Value),
    /// 429 or 503: surely not accepted, worth another try.
    Refused,
    /// Nobody listens: surely not accepted.
    NotSent,
    /// The connection broke or the answer took too long: accepted or not, nobody knows.
    Unclear,
    /// Something that no client can do anything with: a defect.
    Wrong(String),
}

/// A client with one connection.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    address: Address,
}

impl Client {
    /// A client of whatever `address` names at the time of a post.
    pub(super) fn new(address: Address) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .build();
        Self { agent: config.into(), address }
    }

    /// Posts `body` once; nothing is repeated behind the caller's back.
    pub(super) fn post(&self, path: &str, key: Option<&str>, body: &str) -> Reply {
        let Some(base) = self.address.get() else {
            return Reply::NotSent;
        };
        let mut request = self.agent.post(format!("{base}{path}")).header("Content-Type", "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let mut response = match request.send(body) {
            Ok(response) => response,
            Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                return Reply::NotSent;
            }
            Err(_broken) => return Reply::Unclear,
        };
        let status = response.status().as_u16();
        let Ok(text) = response.body_mut().read_to_string() else {
            return Reply::Unclear;
        };
        match status {
            200 => serde_json::from_str(&text).map_or_else(
                |error| Reply::Wrong(format!("200 without JSON ({error}): {text}")),
                Reply::Answered,
            ),
            429 | 503 => Reply::Refused,
            _ => Reply::Wrong(format!("{status}: {text}")),
        }
    }
}
