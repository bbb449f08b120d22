//! One line of a log, from its bytes to the fields of the contract.
//!
//! The fields stand in one list, the tables of [`members!`](members) below: a row gives the name in JSON, the field, and
//! its [kind](kind), which checks it. Each kind reads a value in two ways. The quick one takes what is certain to be
//! right, in one pass and without a copy, and gives up on everything else; nearly all records are read like that. The
//! strict one takes what it gets: what does not fit its field is kept in `attributes`, and only a record that is no
//! object, or lacks one of the four fields that it must have, is refused. Where the quick way reads a record, the strict
//! one gives the same; a property test holds the two together.

mod err;
mod kind;
mod leftovers;
mod members;
mod quick;

pub use err::ErrorInfo;

use crate::decode::DecodeError;
use crate::{Fingerprint, Level, UnixMillis, json, limits};
use err::Failure;
use kind::{
    Anything, Environment, EventId, Extra, Format, Id, LevelNumber, Message, Millis, Name, Number, Object,
    Optional, Sample, Text, Time,
};
use leftovers::Leftovers;
use members::{Members, members};
use std::borrow::Cow;

/// A text of any length.
const UNBOUNDED: usize = usize::MAX;

members! {
    /// One JSON log line, checked against the contract. A text that is absent is empty.
    pub struct Record<'a> {
        /// The service.
        "name" => pub name: Cow<'a, str> as Name,
        /// Bunyan's number.
        "level" => pub level: u8 as LevelNumber,
        /// When it was written.
        "time" => pub time: UnixMillis as Time,
        /// The constant text.
        "msg" => pub msg: Cow<'a, str> as Message,
        /// The host.
        "hostname" => pub hostname: Cow<'a, str> as Text<{ limits::HOSTNAME_BYTES }>,
        /// The process; 0 = unknown.
        "pid" => pub pid: u32 as Number<u32>,
        /// `desc`, `stat`, `visit`, `biz`, or whatever the sender calls it.
        "scope" => pub scope: Cow<'a, str> as Text<{ limits::VERSION_BYTES }>,
        /// `client-req`, `trace`, …
        "event" => pub event: Cow<'a, str> as Text<{ limits::VERSION_BYTES }>,
        /// Which module or logger wrote it.
        "target" => pub target: Cow<'a, str> as Text<{ limits::VERSION_BYTES }>,
        /// Client id.
        "rrdid" => pub rrdid: Cow<'a, str> as Id,
        /// Request id.
        "req_id" => pub req_id: Cow<'a, str> as Id,
        /// User id.
        "uid" => pub uid: Cow<'a, str> as Id,
        /// The client of the request.
        "d" => pub client: Client<'a> as Object<Client<'a>>,
        /// Handling time of the request in milliseconds.
        "tm" => pub tm: Option<f64> as Millis,
        /// Everything else, `k=v k2=v2`.
        "extra" => pub extra: Cow<'a, str> as Extra,
        /// What went wrong.
        "err" => pub err: Option<ErrorInfo<'a>> as Failure,
        /// The call of another service.
        "service_req" => pub service_req: ServiceRequest<'a> as Object<ServiceRequest<'a>>,
        /// Its answer.
        "service_res" => pub service_res: ServiceResponse<'a> as Object<ServiceResponse<'a>>,
        /// A performance sample.
        "perf" => pub perf: Option<Perf> as Sample,
        /// Which hop of the request wrote this.
        "span_id" => pub span_id: Cow<'a, str> as Id,
        /// The hop before it.
        "parent_id" => pub parent_id: Cow<'a, str> as Id,
        /// Where the service runs, in lower case.
        "environment" => pub environment: Cow<'a, str> as Environment,
        /// Version of the service.
        "version" => pub version: Cow<'a, str> as Text<{ limits::VERSION_BYTES }>,
        /// Git commit of the service.
        "commit_hash" => pub commit_hash: Cow<'a, str> as Text<{ limits::VERSION_BYTES }>,
        /// Counts once, however often and by whichever way it arrives; empty = it has none.
        "event_id" => pub event_id: Cow<'a, str> as EventId,
        /// The version of the log format, which makes no difference.
        "v" => v: () as Format,
    }
    and {
        /// Every member that is none of the above or does not fit there, as one JSON object that ClickHouse can read; empty
        /// if there is none. A text that was cut is named in `cut` with its length in bytes.
        pub attributes: Cow<'a, str>,
    }
}

members! {
    /// `d`: the client of a request.
    pub struct Client<'a> {
        /// What it asked for.
        "url" => pub url: Cow<'a, str> as Text<UNBOUNDED>,
        /// Its address.
        "ip" => pub ip: Cow<'a, str> as Text<UNBOUNDED>,
        /// Its user agent.
        "ua" => pub ua: Cow<'a, str> as Text<UNBOUNDED>,
    }
}

members! {
    /// `service_req`.
    pub struct ServiceRequest<'a> {
        /// The called host.
        "host" => pub host: Cow<'a, str> as Text<UNBOUNDED>,
        /// The called path.
        "path" => pub path: Cow<'a, str> as Text<UNBOUNDED>,
        /// What was sent.
        "payload" => pub payload: Cow<'a, str> as Anything,
    }
}

members! {
    /// `service_res`.
    pub struct ServiceResponse<'a> {
        /// HTTP status.
        "http_code" => pub http_code: Option<u16> as Optional<u16>,
        /// Duration of the call in milliseconds.
        "tm" => pub tm: Option<f64> as Millis,
        /// The answer.
        "body" => pub body: Cow<'a, str> as Anything,
        /// Why there is none.
        "err" => pub err: Cow<'a, str> as Anything,
    }
}

members! {
    /// `perf` as it comes: either may be missing.
    struct RawPerf {
        "rss" => rss: Option<u64> as Optional<u64>,
        "cpu" => cpu: Option<f64> as Millis,
    }
}

/// `perf`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perf {
    /// Resident memory in bytes.
    pub rss: u64,
    /// Percent of one core.
    pub cpu: f64,
}

impl<'a> Record<'a> {
    /// Reads one record.
    ///
    /// # Errors
    /// It is no JSON object, or has no `name`, `level`, `time` or `msg` that can be understood.
    pub fn decode(line: &'a [u8]) -> Result<Self, DecodeError> {
        match quick::read(line) {
            Some(record) => Ok(record),
            None => Self::decode_strictly(line),
        }
    }

    fn decode_strictly(line: &[u8]) -> Result<Self, DecodeError> {
        json::object(line, |members| {
            let mut leftovers = Leftovers::default();
            let mut record = Record::strict(members, &mut leftovers)?;
            record.attributes = leftovers.finish().into();
            Ok(record)
        })
    }

    /// The issue of which this record is an occurrence: it has an `err` and a level of at least ERROR.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let err = self.err.as_ref().filter(|_| self.level >= Level::Error.number())?;
        Some(Fingerprint::new(&self.name, &err.error_type, &err.file_path, err.line_number))
    }
}

#[cfg(test)]
mod tests;
