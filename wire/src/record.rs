use crate::decode::{self, DecodeError, Object};
use crate::extra::Extra;
use crate::limits;
use crate::report::{bounded, idempotency_key, name, required};
use crate::stack;
use crate::text::{Anything, Id, Key, Text};
use crate::{Fingerprint, UnixMillis};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// One JSON log line, checked against the contract. Text fields that are absent are empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The service.
    pub name: String,
    /// Bunyan's number.
    pub level: u8,
    /// When it was written.
    pub time: UnixMillis,
    /// The constant text.
    pub msg: String,
    /// The host.
    pub hostname: String,
    /// The process; 0 = unknown.
    pub pid: u32,
    /// `desc`, `stat`, `visit`, `biz`, or whatever the sender calls it.
    pub scope: String,
    /// `client-req`, `trace`, …
    pub event: String,
    /// Which module or logger wrote it.
    pub target: String,
    /// Client id.
    pub rrdid: String,
    /// Request id.
    pub req_id: String,
    /// User id.
    pub uid: String,
    /// The client of the request.
    pub client: Client,
    /// Handling time of the request in milliseconds.
    pub tm: Option<f64>,
    /// Everything else, `k=v k2=v2`.
    pub extra: String,
    /// What went wrong.
    pub err: Option<ErrorInfo>,
    /// The call of another service.
    pub service_req: ServiceRequest,
    /// Its answer.
    pub service_res: ServiceResponse,
    /// A performance sample.
    pub perf: Option<Perf>,
    /// Which hop of the request wrote this.
    pub span_id: String,
    /// The hop before it.
    pub parent_id: String,
    /// Where the service runs, in lower case.
    pub environment: String,
    /// Version of the service.
    pub version: String,
    /// Git commit of the service.
    pub commit_hash: String,
    /// Counts once, however often and by whichever way it arrives.
    pub event_id: Option<String>,
    /// Every key that is none of the above, as one JSON object; empty if there is none.
    pub attributes: String,
}

/// `d`: the client of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// What it asked for.
    pub url: String,
    /// Its address.
    pub ip: String,
    /// Its user agent.
    pub ua: String,
}

/// `err`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorInfo {
    /// Type of the error; `Error` if the sender named none.
    pub error_type: String,
    /// What the error says.
    pub msg: String,
    /// Its stack, lines joined by line feeds.
    pub stack: String,
    /// The file that raised it, or `unknown`.
    pub file_path: String,
    /// The line in that file; 0 = unknown.
    pub line_number: u32,
}

/// `service_req`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceRequest {
    /// The called host.
    pub host: String,
    /// The called path.
    pub path: String,
    /// What was sent.
    pub payload: String,
}

/// `service_res`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceResponse {
    /// HTTP status.
    pub http_code: Option<u16>,
    /// Duration of the call in milliseconds.
    pub tm: Option<f64>,
    /// The answer.
    pub body: String,
    /// Why there is none.
    pub err: String,
}

/// `perf`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perf {
    /// Resident memory in bytes.
    pub rss: u64,
    /// Percent of one core.
    pub cpu: f64,
}

impl Record {
    /// Reads one record.
    ///
    /// # Errors
    /// Malformed JSON, or the first field that the contract refuses.
    pub fn decode(line: &[u8]) -> Result<Self, DecodeError> {
        decode::document::<RawRecord<'_>>(line)?.check()
    }

    /// The issue of which this record is an occurrence: it has an `err` and a level of at least ERROR.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let err = self.err.as_ref().filter(|_| self.level >= crate::Level::Error.number())?;
        Some(Fingerprint::new(&self.name, &err.error_type, &err.file_path, err.line_number))
    }
}

macro_rules! raw_record {
    ($($field:ident: $type:ty),* $(,)?) => {
        #[derive(Default)]
        struct RawRecord<'a> {
            $($field: Option<$type>,)*
            attributes: String,
            attributes_too_deep: bool,
        }

        impl<'de: 'a, 'a> Deserialize<'de> for RawRecord<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct RecordVisitor;
                impl<'de> Visitor<'de> for RecordVisitor {
                    type Value = RawRecord<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a record, one JSON object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut raw = RawRecord::default();
                        while let Some(key) = map.next_key::<Key<'de>>()? {
                            match key.0.as_ref() {
                                // Of a key that comes twice the last one counts, as in every reader of JSON
                                // in JavaScript: `v` and node's own loggers do write such lines.
                                $(stringify!($field) => raw.$field = map.next_value()?,)*
                                "v" => { map.next_value::<serde::de::IgnoredAny>()?; }
                                unknown => {
                                    let value = map.next_value::<&'de RawValue>()?;
                                    raw.keep(unknown, value.get()).map_err(A::Error::custom)?;
                                }
                            }
                        }
                        Ok(raw)
                    }
                }
                deserializer.deserialize_map(RecordVisitor)
            }
        }
    };
}

raw_record! {
    name: Text<'a>,
    level: u8,
    time: RawTime,
    msg: Text<'a>,
    hostname: Text<'a>,
    pid: u32,
    scope: Text<'a>,
    event: Text<'a>,
    target: Text<'a>,
    rrdid: Id,
    req_id: Id,
    uid: Id,
    d: Object<RawClient<'a>>,
    tm: f64,
    extra: Extra,
    err: RawErr<'a>,
    service_req: Object<RawServiceRequest<'a>>,
    service_res: Object<RawServiceResponse>,
    perf: Object<RawPerf>,
    span_id: Id,
    parent_id: Id,
    environment: Text<'a>,
    version: Text<'a>,
    commit_hash: Text<'a>,
    event_id: Id,
}

#[derive(Deserialize)]
struct RawClient<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
    ip: Option<Text<'a>>,
    ua: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawServiceRequest<'a> {
    #[serde(borrow)]
    host: Option<Text<'a>>,
    path: Option<Text<'a>>,
    payload: Option<Anything>,
}

#[derive(Deserialize)]
struct RawServiceResponse {
    http_code: Option<u16>,
    tm: Option<f64>,
    body: Option<Anything>,
    err: Option<Anything>,
}

#[derive(Deserialize)]
struct RawPerf {
    rss: u64,
    cpu: f64,
}

/// ISO 8601 text, or pino's milliseconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawTime {
    Millis(i64),
    Text(String),
}

/// Our own `err`, node-bunyan's and pino's, or just a text.
enum RawErr<'a> {
    Text(Text<'a>),
    Object(RawErrObject<'a>),
}

#[derive(Deserialize)]
struct RawErrObject<'a> {
    #[serde(borrow, rename = "type")]
    error_type: Option<Text<'a>>,
    name: Option<Text<'a>>,
    msg: Option<Text<'a>>,
    message: Option<Text<'a>>,
    stack: Option<Text<'a>>,
    file_path: Option<Text<'a>>,
    line_number: Option<u32>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RawErr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ErrVisitor;
        impl<'de> Visitor<'de> for ErrVisitor {
            type Value = RawErr<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with msg and stack, or a string")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                RawErrObject::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(RawErr::Object)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RawErr::Text(Text(text.to_owned().into())))
            }
        }
        deserializer.deserialize_any(ErrVisitor)
    }
}

impl RawRecord<'_> {
    /// Keeps a key that the contract does not know.
    fn keep(&mut self, key: &str, value: &str) -> Result<(), serde_json::Error> {
        self.attributes_too_deep |= decode::depth(value) >= limits::JSON_DEPTH;
        self.attributes.push(if self.attributes.is_empty() { '{' } else { ',' });
        self.attributes.push_str(&serde_json::to_string(key)?);
        self.attributes.push(':');
        self.attributes.push_str(value);
        Ok(())
    }

    fn check(mut self) -> Result<Record, DecodeError> {
        if self.attributes_too_deep {
            let rule = format_args!("must not nest deeper than {}", limits::JSON_DEPTH);
            return Err(DecodeError::invalid("record", rule));
        }
        if !self.attributes.is_empty() {
            self.attributes.push('}');
        }
        let time = match required("time", self.time)? {
            RawTime::Millis(millis) => UnixMillis(millis),
            RawTime::Text(text) => {
                UnixMillis::parse(&text).map_err(|error| DecodeError::invalid("time", error))?
            }
        };
        let level = required("level", self.level)?;
        if level == 0 {
            return Err(DecodeError::invalid("level", "must be from 1 to 255"));
        }
        let service_req = self.service_req.map(|Object(raw)| ServiceRequest {
            host: text(raw.host),
            path: text(raw.path),
            payload: raw.payload.map(|any| any.0).unwrap_or_default(),
        });
        Ok(Record {
            name: name("name", self.name, limits::PROJECT_BYTES)?,
            level,
            time,
            msg: required("msg", self.msg)?.into_string(),
            hostname: short("hostname", self.hostname, limits::HOSTNAME_BYTES)?,
            pid: self.pid.unwrap_or(0),
            scope: short("scope", self.scope, limits::VERSION_BYTES)?,
            event: short("event", self.event, limits::VERSION_BYTES)?,
            target: short("target", self.target, limits::VERSION_BYTES)?,
            rrdid: client_id("rrdid", self.rrdid)?,
            req_id: client_id("req_id", self.req_id)?,
            uid: client_id("uid", self.uid)?,
            client: self.d.map_or_else(Client::default, |Object(d)| Client {
                url: text(d.url),
                ip: text(d.ip),
                ua: text(d.ua),
            }),
            tm: self.tm.map(|tm| not_negative("tm", tm)).transpose()?,
            extra: self.extra.map(|extra| extra.0).unwrap_or_default(),
            err: self.err.map(error_info).transpose()?,
            service_req: service_req.unwrap_or_default(),
            service_res: self.service_res.map(service_response).transpose()?.unwrap_or_default(),
            perf: self.perf.map(perf).transpose()?,
            span_id: client_id("span_id", self.span_id)?,
            parent_id: client_id("parent_id", self.parent_id)?,
            environment: short("environment", self.environment, limits::ENVIRONMENT_BYTES)?.to_lowercase(),
            version: short("version", self.version, limits::VERSION_BYTES)?,
            commit_hash: short("commit_hash", self.commit_hash, limits::VERSION_BYTES)?,
            event_id: self.event_id.map(|id| idempotency_key("event_id", id.0)).transpose()?,
            attributes: self.attributes,
        })
    }
}

fn text(text: Option<Text<'_>>) -> String {
    text.map(Text::into_string).unwrap_or_default()
}

fn short(field: &str, text: Option<Text<'_>>, limit: usize) -> Result<String, DecodeError> {
    text.map_or(Ok(String::new()), |text| bounded(field, text, limit))
}

fn client_id(field: &str, id: Option<Id>) -> Result<String, DecodeError> {
    id.map_or(Ok(String::new()), |id| bounded(field, Text(id.0.into()), limits::CLIENT_ID_BYTES))
}

fn not_negative(field: &str, number: f64) -> Result<f64, DecodeError> {
    // JSON has no NaN and no infinity: what is not below zero is a number.
    if number >= 0.0 { Ok(number) } else { Err(DecodeError::invalid(field, "must be 0 or more")) }
}

fn perf(Object(raw): Object<RawPerf>) -> Result<Perf, DecodeError> {
    Ok(Perf { rss: raw.rss, cpu: not_negative("perf.cpu", raw.cpu)? })
}

fn service_response(Object(raw): Object<RawServiceResponse>) -> Result<ServiceResponse, DecodeError> {
    Ok(ServiceResponse {
        http_code: raw.http_code,
        tm: raw.tm.map(|tm| not_negative("service_res.tm", tm)).transpose()?,
        body: raw.body.map(|any| any.0).unwrap_or_default(),
        err: raw.err.map(|any| any.0).unwrap_or_default(),
    })
}

fn error_info(raw: RawErr<'_>) -> Result<ErrorInfo, DecodeError> {
    let raw = match raw {
        RawErr::Object(object) => object,
        RawErr::Text(msg) => RawErrObject {
            error_type: None,
            name: None,
            msg: Some(msg),
            message: None,
            stack: None,
            file_path: None,
            line_number: None,
        },
    };
    let stack = text(raw.stack);
    let given = raw.file_path.map(|path| (path, raw.line_number.unwrap_or(0)));
    let (file_path, line_number) = match given {
        Some((path, line)) => (bounded("err.file_path", path, limits::FILE_PATH_BYTES)?, line),
        None => stack::origin(&stack).unwrap_or_else(|| ("unknown".to_owned(), 0)),
    };
    let error_type = raw.error_type.or(raw.name);
    let error_type = short("err.type", error_type, limits::ERROR_TYPE_BYTES)?;
    Ok(ErrorInfo {
        error_type: if error_type.is_empty() { "Error".to_owned() } else { error_type },
        msg: text(raw.msg.or(raw.message)),
        stack,
        file_path,
        line_number,
    })
}
