//! The server as a command sees it: an address that is asked over HTTP.

use super::style::plain_lines;
use anyhow::anyhow;
use serde::Deserialize;
use std::fmt;
use std::io::Read;
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::typestate::WithBody;
use ureq::{Agent, Body, RequestBuilder};
use url::{Host, Url};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may be silent before an answer, or in its middle.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// How much of a refusal is read, in bytes.
const REFUSAL_BYTES: u64 = 1 << 20;

/// The server unless another is named: where `log-center serve` listens.
const DEFAULT_URL: &str = "http://127.0.0.1:8002";

/// Where the server is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServerArgs {
    /// Where the server's API is: `http://[USER:PASSWORD@]HOST[:PORT][/PATH]`, or `https://…`.
    #[arg(
        long,
        env = "LOG_CENTER_URL",
        default_value = DEFAULT_URL,
        value_parser = base_url,
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(super) url: Url,
}

fn base_url(text: &str) -> Result<Url, String> {
    // Services switch their forwarding off by an empty variable; whoever asks here wants an answer.
    let text = if text.trim().is_empty() { DEFAULT_URL } else { text.trim() };
    let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it must begin with http:// or https://".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must have neither query nor fragment".to_owned());
    }
    Ok(url)
}

impl ServerArgs {
    /// Whether that is this machine.
    pub(super) fn is_local(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The address without what is secret in it.
    pub(super) fn shown(&self) -> String {
        let mut url = self.url.clone();
        // Neither fails for http and https.
        _ = url.set_username("");
        _ = url.set_password(None);
        url.as_str().trim_end_matches('/').to_owned()
    }
}

/// Asks the server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    base: String,
    shown: String,
}

/// Why there is no good answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// None at all.
    Unreachable {
        /// The address.
        url: String,
        /// What happened to the connection.
        reason: String,
        /// The next attempt may do better.
        may_pass: bool,
    },
    /// One that says no.
    Refused(Box<Refusal>),
}

/// An answer that says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// As it came.
    pub(super) body: String,
    message: String,
    field: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    message: String,
    field: Option<String>,
}

impl Client {
    /// `silence` is how long the server may say nothing.
    pub(super) fn new(server: &ServerArgs, silence: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The address is what was asked for; a proxy for the way into the internet has no say in it.
            .proxy(None)
            .user_agent(concat!("log-center/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence))
            .build();
        let base = server.url.as_str().trim_end_matches('/').to_owned();
        Self { agent: config.new_agent(), base, shown: server.shown() }
    }

    /// `GET`, with these headers besides.
    pub(super) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response<Body>, CallError> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.judged(request.call())
    }

    /// `POST`, with these headers besides.
    pub(super) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response<Body>, CallError> {
        self.send(self.agent.post(format!("{}{path}", self.base)), headers, body)
    }

    /// `PATCH` with JSON.
    pub(super) fn patch(&self, path: &str, json: &[u8]) -> Result<Response<Body>, CallError> {
        self.send(
            self.agent.patch(format!("{}{path}", self.base)),
            &[("content-type", "application/json")],
            json,
        )
    }

    fn send(
        &self,
        mut request: RequestBuilder<WithBody>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response<Body>, CallError> {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.judged(request.send(body))
    }

    fn judged(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, CallError> {
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(refused(answer)) }
    }

    fn unreachable(&self, error: &ureq::Error) -> CallError {
        let may_pass = !matches!(error, ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::Http(_));
        let reason = match error {
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        };
        CallError::Unreachable { url: self.shown.clone(), reason, may_pass }
    }

    /// The end of an answer did not come.
    pub(super) fn broke_off(&self, reason: impl fmt::Display) -> CallError {
        CallError::Unreachable { url: self.shown.clone(), reason: reason.to_string(), may_pass: true }
    }

    /// An answer as text.
    pub(super) fn text(&self, mut answer: Response<Body>) -> Result<String, CallError> {
        let mut text = String::new();
        // Bounded by the server, whose lists all have a limit.
        answer.body_mut().as_reader().read_to_string(&mut text).map_err(|error| self.broke_off(error))?;
        Ok(text)
    }
}

fn refused(mut answer: Response<Body>) -> CallError {
    let status = answer.status();
    let seconds =
        answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = String::new();
    // Without its text a refusal is still one.
    _ = answer.body_mut().as_reader().take(REFUSAL_BYTES).read_to_string(&mut body);
    let detail = serde_json::from_str::<Envelope>(&body).ok().map(|envelope| envelope.error);
    let (message, field) = match detail {
        Some(detail) => (detail.message, detail.field),
        None => ("that is no answer of Log Center".to_owned(), None),
    };
    let retry_after = seconds.map(Duration::from_secs);
    CallError::Refused(Box::new(Refusal { status, retry_after, body, message, field }))
}

impl Refusal {
    /// What the server says about it, for a terminal.
    pub(super) fn words(&self) -> String {
        plain_lines(&self.message).into_owned()
    }

    /// Log Center itself said it, and not something on the way there.
    pub(super) fn is_of_server(&self) -> bool {
        serde_json::from_str::<Envelope>(&self.body).is_ok()
    }
}

impl CallError {
    /// What was asked for is not there, by the words of Log Center itself.
    pub(super) fn not_found(&self) -> Option<String> {
        match self {
            CallError::Refused(refusal)
                if refusal.status == StatusCode::NOT_FOUND && refusal.is_of_server() =>
            {
                Some(refusal.words())
            }
            _ => None,
        }
    }

    /// The same question may be answered later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            CallError::Unreachable { may_pass, .. } => *may_pass,
            CallError::Refused(refusal) => {
                refusal.status.is_server_error() || matches!(refusal.status.as_u16(), 408 | 425 | 429)
            }
        }
    }

    /// The status of the answer, if there was one.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            CallError::Unreachable { .. } => None,
            CallError::Refused(refusal) => Some(refusal.status),
        }
    }

    /// When the server wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Unreachable { .. } => None,
            CallError::Refused(refusal) => refusal.retry_after,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Unreachable { url, reason, .. } => write!(
                f,
                "the server at {url} does not answer: {reason}. Start it with `log-center serve`, or say where it is \
                 with --url or LOG_CENTER_URL"
            ),
            CallError::Refused(refusal) => {
                write!(f, "the server answers {}: {}", refusal.status.as_u16(), refusal.words())?;
                match &refusal.field {
                    Some(field) if !refusal.message.contains(field.as_str()) => {
                        write!(f, " ({})", plain_lines(field))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for CallError {}

/// A JSON answer that has another form than this program knows.
pub(super) fn unreadable(error: &serde_json::Error) -> anyhow::Error {
    anyhow!("the answer of the server cannot be read ({error}); is it of another version?")
}
