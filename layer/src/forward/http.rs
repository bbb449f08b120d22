use super::key::Key;
use crate::error::Error;
use crate::limits::{ANSWER_BYTES, RETRY_AFTER_MOST};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{self, Write};
use std::time::Duration;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

/// Where batches go.
const PATH: &str = "/api/v1/events";

/// The server's address, checked.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    url: String,
}

impl Endpoint {
    /// `source` names the setting in the message.
    pub(crate) fn parse(source: &str, text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::new(format!("{source}={text:?}: {why}")));
        let base = text.trim().trim_end_matches('/');
        let Ok(uri) = base.parse::<Uri>() else { return refuse("is not a URL") };
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return refuse("https needs the feature `tls` of the crate log-center"),
            _ => return refuse("must begin with http:// or https://"),
        }
        if uri.host().is_none_or(str::is_empty) {
            return refuse("names no host");
        }
        if uri.query().is_some() {
            return refuse("must not have a query");
        }
        Ok(Self { url: format!("{base}{PATH}") })
    }
}

/// What the server said to a batch.
pub(crate) enum Answer {
    /// It has it, but for so many records.
    Accepted { rejected: usize },
    /// Every record was bad.
    AllRejected,
    /// It will never take this.
    Refused,
    /// Too much at once.
    TooLarge,
    /// No answer, or one that may be different next time; the server may have named the pause.
    Retry { after: Option<Duration> },
}

/// The body of a good answer.
#[derive(Deserialize)]
struct Accepted {
    accepted: usize,
    #[serde(default)]
    rejected: Vec<IgnoredAny>,
}

pub(crate) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    key: Option<Key>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, key: Option<Key>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The endpoint is what the operator wrote; a proxy set for the service's own calls has no say in it.
            .proxy(None)
            .user_agent(concat!("log-center/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), endpoint, key }
    }

    /// Sends lines. It takes no longer than `timeout`.
    pub(crate) fn post(&self, lines: &[u8], records: usize, key: &str, timeout: Duration) -> Answer {
        let Ok(body) = compress(lines) else { return Answer::Retry { after: None } };
        let mut request = self.agent.post(&self.endpoint.url);
        if let Some(key) = &self.key {
            request = request.header("authorization", key.header());
        }
        let sent = request
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header("content-type", "application/x-ndjson")
            .header("content-encoding", "gzip")
            .header("idempotency-key", key)
            .send(&body[..]);
        match sent {
            Ok(response) => judge(response, records),
            Err(_) => Answer::Retry { after: None },
        }
    }
}

fn judge(response: Response<Body>, records: usize) -> Answer {
    let after = retry_after(&response);
    match response.status() {
        status if status.is_success() => accepted(response, records),
        StatusCode::PAYLOAD_TOO_LARGE => Answer::TooLarge,
        StatusCode::UNPROCESSABLE_ENTITY => Answer::AllRejected,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Answer::Retry { after },
        status if status.is_client_error() => Answer::Refused,
        _ => Answer::Retry { after },
    }
}

/// An answer that cannot be read leaves the fate of the batch open; sent once more under its key it counts once.
fn accepted(mut response: Response<Body>, records: usize) -> Answer {
    let body = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
    let Ok(answer) = body.map_err(drop).and_then(|body| serde_json::from_slice(&body).map_err(drop)) else {
        return Answer::Retry { after: None };
    };
    let Accepted { accepted, rejected } = answer;
    Answer::Accepted { rejected: rejected.len().max(records.saturating_sub(accepted)) }
}

/// Seconds only: a date would need the server's clock to agree with ours.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MOST))
}

fn compress(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 4), Compression::fast());
    encoder.write_all(lines)?;
    encoder.finish()
}
