//! A record on one line.

use super::style::{BAD, DIM, NAME, level, plain};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// What is shown of a record. What is not there is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    pub(super) time: String,
    pub(super) level: u64,
    pub(super) name: String,
    pub(super) hostname: String,
    pub(super) uid: String,
    pub(super) msg: String,
    pub(super) event: String,
    pub(super) req_id: String,
    pub(super) span_id: String,
    pub(super) extra: String,
    pub(super) tm: Option<f64>,
    pub(super) d: Option<Client>,
    pub(super) err: Option<Failure>,
    pub(super) service_req: Option<ServiceRequest>,
    pub(super) service_res: Option<ServiceResponse>,
}

/// The client of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Client {
    pub(super) url: String,
}

/// What went wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub(super) r#type: String,
    pub(super) msg: String,
    pub(super) file_path: String,
    pub(super) line_number: u64,
}

/// A call of another service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceRequest {
    pub(super) host: String,
    pub(super) path: String,
}

/// Its answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceResponse {
    pub(super) http_code: Option<u64>,
    pub(super) tm: Option<f64>,
    pub(super) err: String,
}

/// How much of a request id is shown on a line: enough to tell two of one minute apart.
const SHORT_ID_CHARS: usize = 13;

impl Record {
    /// The time of day, `10:30:00.123`, of a time in the form of the API.
    pub(super) fn clock(&self) -> Cow<'_, str> {
        plain(self.time.get(11..23).unwrap_or(&self.time))
    }

    /// Level, service, message and what else there is: the line without its time, host and request.
    pub(super) fn told(&self) -> Told<'_> {
        Told { record: self, has_host: false }
    }

    /// All of it on one line, as in a log.
    pub(super) fn logged(&self) -> Logged<'_> {
        Logged(self)
    }

    /// The beginning of the request's id.
    fn short_id(&self) -> &str {
        self.req_id.char_indices().nth(SHORT_ID_CHARS).map_or(&self.req_id, |(end, _)| &self.req_id[..end])
    }
}

/// A time in the form of the API as a person reads it: `2026-11-20 10:30:00.123`. It is UTC.
pub(super) fn moment(time: &str) -> String {
    match (time.get(..10), time.get(11..23)) {
        (Some(date), Some(clock)) => format!("{} {}", plain(date), plain(clock)),
        _ => plain(time).into_owned(),
    }
}

/// A record as it stands among others.
pub(super) struct Logged<'a>(&'a Record);

impl fmt::Display for Logged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        let told = Told { record, has_host: true };
        write!(f, "{DIM}{}{DIM:#} {told}", moment(&record.time))?;
        for (name, value) in [("uid", &*record.uid), ("req", record.short_id())] {
            if !value.is_empty() {
                write!(f, " {DIM}{name}={}{DIM:#}", plain(value))?;
            }
        }
        Ok(())
    }
}

/// A record as a person reads it.
pub(super) struct Told<'a> {
    record: &'a Record,
    has_host: bool,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record;
        let (word, style) = level(record.level);
        write!(f, "{style}{word}{style:#} {NAME}{}{NAME:#}", plain(&record.name))?;
        if self.has_host && !record.hostname.is_empty() {
            write!(f, "{DIM}@{}{DIM:#}", plain(&record.hostname))?;
        }
        write!(f, " {}", plain(&record.msg))?;
        if let Some(call) = &record.service_req {
            write!(f, " {}{}", plain(&call.host), plain(&call.path))?;
        }
        if let Some(client) = record.d.as_ref().filter(|client| !client.url.is_empty()) {
            write!(f, " {DIM}{}{DIM:#}", plain(&client.url))?;
        }
        let answer = record.service_res.as_ref();
        if let Some(code) = answer.and_then(|answer| answer.http_code) {
            write!(f, " {code}")?;
        }
        if let Some(tm) = record.tm.or(answer.and_then(|answer| answer.tm)) {
            write!(f, " {tm} ms")?;
        }
        if !record.extra.is_empty() {
            write!(f, " {DIM}{}{DIM:#}", plain(&record.extra))?;
        }
        if let Some(reason) = answer.map(|answer| &answer.err).filter(|reason| !reason.is_empty()) {
            write!(f, " {BAD}{}{BAD:#}", plain(reason))?;
        }
        match &record.err {
            Some(failure) => write!(f, " {failure}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BAD}{}: {}{BAD:#}", plain(&self.r#type), plain(&self.msg))?;
        if self.file_path.is_empty() || self.file_path == "unknown" {
            return Ok(());
        }
        write!(f, " {DIM}({}:{}){DIM:#}", plain(&self.file_path), self.line_number)
    }
}
