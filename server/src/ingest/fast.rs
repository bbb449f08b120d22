//! Records as nearly all programs send them, read in one pass without a copy.
//!
//! This reads what is certain to be right and leaves everything else, and every error, to
//! [`Record::decode`](log_center_wire::Record::decode), which says what is wrong: a field of an unusual type, a value at
//! its limit, a character that is cut in half. Where this reads a record, the event is the same as by the other way;
//! a property test holds the two together.

use super::clamp;
use super::route::{Asked, of_path};
use crate::event::{Event, Identity, Source};
use log_center_wire::{Fingerprint, Level, UnixMillis, limits};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use sonic_rs::LazyValue;
use std::borrow::Cow;
use std::fmt;

/// The event that a record is, or `None` if it takes a closer look. `identity` gives what a record is known by that is
/// an occurrence of an issue and has no id of its own.
pub(super) fn record<'a>(
    line: &'a [u8],
    received_at: UnixMillis,
    identity: impl FnOnce() -> Identity,
) -> Option<Event<'a>> {
    // From a slice, the reader would look at the characters of what it passes over too late.
    let fields: Fields<'a> = sonic_rs::from_str(std::str::from_utf8(line).ok()?).ok()?;
    fields.event(received_at, identity)
}

/// Text, borrowed if it holds no escape.
#[derive(Default)]
struct Word<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;
        impl<'de> Visitor<'de> for WordVisitor {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(WordVisitor)
    }
}

/// An object with the members that are known. One of them twice is for the closer look.
macro_rules! object {
    ($name:ident { $($key:literal $field:ident: $type:ty),* $(,)? } $other:expr) => {
        #[derive(Default)]
        struct $name<'a> {
            $($field: Option<$type>,)*
            attributes: String,
            _lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(Word(key)) = map.next_key()? {
                            let packed = pack(key.as_bytes());
                            $(if packed == const { packed_name($key) } {
                                if object.$field.replace(map.next_value()?).is_some() {
                                    return Err(A::Error::custom("a member comes twice"));
                                }
                                continue;
                            })*
                            $other(&mut object.attributes, &key, &mut map)?;
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

object! {
    Fields {
        b"name" name: Word<'a>,
        b"level" level: u8,
        b"time" time: Word<'a>,
        b"msg" msg: Word<'a>,
        b"hostname" hostname: Word<'a>,
        b"pid" pid: u32,
        b"scope" scope: Word<'a>,
        b"event" event: Word<'a>,
        b"target" target: Word<'a>,
        b"rrdid" rrdid: Word<'a>,
        b"req_id" req_id: Word<'a>,
        b"uid" uid: Word<'a>,
        b"d" d: Client<'a>,
        b"tm" tm: f64,
        b"extra" extra: Word<'a>,
        b"err" err: Failure<'a>,
        b"service_req" service_req: Request<'a>,
        b"service_res" service_res: Response<'a>,
        b"perf" perf: Perf<'a>,
        b"span_id" span_id: Word<'a>,
        b"parent_id" parent_id: Word<'a>,
        b"environment" environment: Word<'a>,
        b"version" version: Word<'a>,
        b"commit_hash" commit_hash: Word<'a>,
        b"event_id" event_id: Word<'a>,
        b"v" v: u8,
    }
    keep
}

object! {
    Client { b"url" url: Word<'a>, b"ip" ip: Word<'a>, b"ua" ua: Word<'a> }
    ignore
}

object! {
    Failure {
        b"type" error_type: Word<'a>,
        b"msg" msg: Word<'a>,
        b"stack" stack: Word<'a>,
        b"file_path" file_path: Word<'a>,
        b"line_number" line_number: u32,
    }
    // What other loggers write here is for the closer look.
    refuse
}

object! {
    Request { b"host" host: Word<'a>, b"path" path: Word<'a>, b"payload" payload: Word<'a> }
    ignore
}

object! {
    Response { b"http_code" http_code: u16, b"tm" tm: f64, b"body" body: Word<'a>, b"err" err: Word<'a> }
    ignore
}

object! {
    Perf { b"rss" rss: u64, b"cpu" cpu: f64 }
    ignore
}

/// The name of a member of ours, packed; one that is too long for that does not compile.
const fn packed_name(name: &[u8]) -> u128 {
    assert!(name.len() <= 15, "the name of a member must not be longer than 15 bytes");
    pack(name)
}

/// A key as one number, which is compared faster than a text. One of more than 15 bytes is none of ours, and gives 0.
const fn pack(key: &[u8]) -> u128 {
    if key.len() > 15 {
        return 0;
    }
    let mut packed = key.len() as u128;
    let mut index = 0;
    while index < key.len() {
        packed = packed << 8 | key[index] as u128;
        index += 1;
    }
    packed
}

/// Keeps a member that the contract does not know, as the JSON that it is.
fn keep<'de, A: MapAccess<'de>>(attributes: &mut String, key: &str, map: &mut A) -> Result<(), A::Error> {
    let value: LazyValue<'de> = map.next_value()?;
    let value = valid(&value).map_err(A::Error::custom)?;
    if matches!(value.as_bytes().first(), Some(b'{' | b'[')) {
        return Err(A::Error::custom("it may be nested too deeply"));
    }
    attributes.push(if attributes.is_empty() { '{' } else { ',' });
    attributes.push_str(&serde_json::to_string(key).map_err(A::Error::custom)?);
    attributes.push(':');
    attributes.push_str(value);
    Ok(())
}

fn ignore<'de, A: MapAccess<'de>>(_: &mut String, _: &str, map: &mut A) -> Result<(), A::Error> {
    let value: LazyValue<'de> = map.next_value()?;
    valid(&value).map(|_| ()).map_err(A::Error::custom)
}

/// What was passed over is checked here: the reader only looks for its end.
fn valid<'a>(value: &'a LazyValue<'_>) -> Result<&'a str, serde_json::Error> {
    serde_json::from_str::<&RawValue>(value.as_raw_str()).map(RawValue::get)
}

fn refuse<'de, A: MapAccess<'de>>(_: &mut String, _: &str, _: &mut A) -> Result<(), A::Error> {
    Err(A::Error::custom("not our own"))
}

fn text<'a>(word: Option<Word<'a>>) -> Cow<'a, str> {
    word.map(|word| word.0).unwrap_or_default()
}

/// Text that is surely not too long.
fn within<'a>(word: Option<Word<'a>>, bytes: usize) -> Option<Cow<'a, str>> {
    Some(text(word)).filter(|text| text.len() <= bytes)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl<'a> Fields<'a> {
    fn event(self, received_at: UnixMillis, identity: impl FnOnce() -> Identity) -> Option<Event<'a>> {
        let id = |word| within(word, limits::CLIENT_ID_BYTES);
        let short = |word| within(word, limits::VERSION_BYTES);
        let name =
            within(self.name, limits::PROJECT_BYTES).filter(|name| !name.is_empty() && is_plain(name))?;
        let level = self.level.filter(|level| *level > 0)?;
        let (time, client_time) = clamp(UnixMillis::parse(&self.time?.0).ok()?, received_at);
        let environment = within(self.environment, limits::ENVIRONMENT_BYTES)?;
        if !environment.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
            return None;
        }
        let event_id = match self.event_id {
            Some(id) => {
                within(Some(id), limits::IDEMPOTENCY_KEY_CHARS).filter(|id| !id.is_empty() && is_plain(id))?
            }
            None => Cow::Borrowed(""),
        };
        let err = match self.err {
            Some(err) => Some(err.checked()?),
            None => None,
        };
        let fingerprint = err
            .as_ref()
            .filter(|_| level >= Level::Error.number())
            .map(|err| Fingerprint::new(&name, &err.error_type, &err.file_path, err.line_number));
        let identity = fingerprint.map(|_| match event_id.is_empty() {
            true => identity(),
            false => Identity::of_event(&name, &event_id),
        });
        let err = err.unwrap_or_default();
        let event = short(self.event)?;
        let extra = text(self.extra);
        let d = self.d.unwrap_or_default();
        let url = text(d.url);
        let Asked { method, route, status } = Asked::of(&event, &extra, &url);
        let (method, route) = (Cow::Owned(method.into_owned()), Cow::Owned(route.into_owned()));
        let (called, answer) = (self.service_req.unwrap_or_default(), self.service_res.unwrap_or_default());
        let service_path = text(called.path);
        let service_route = Cow::Owned(of_path(&service_path).into_owned());
        let perf = match self.perf {
            Some(Perf { rss: Some(rss), cpu: Some(cpu), .. }) if cpu >= 0.0 => Some((rss, cpu)),
            Some(_) => return None,
            None => None,
        };
        let mut attributes = self.attributes;
        if !attributes.is_empty() {
            attributes.push('}');
        }
        if [self.tm, answer.tm].into_iter().flatten().any(|tm| tm < 0.0) {
            return None;
        }
        Some(Event {
            received_at,
            time,
            client_time: client_time.into(),
            source: Source::Record,
            environment,
            version: short(self.version)?,
            commit_hash: short(self.commit_hash)?,
            level,
            scope: short(self.scope)?,
            event,
            target: short(self.target)?,
            hostname: within(self.hostname, limits::HOSTNAME_BYTES)?,
            pid: self.pid.unwrap_or(0),
            msg: self.msg?.0,
            extra,
            req_id: id(self.req_id)?,
            span_id: id(self.span_id)?,
            parent_id: id(self.parent_id)?,
            uid: id(self.uid)?,
            rrdid: id(self.rrdid)?,
            url,
            ip: text(d.ip),
            ua: text(d.ua),
            tm: self.tm,
            method,
            route,
            status,
            fingerprint,
            err_type: err.error_type,
            err_msg: err.msg,
            err_stack: err.stack,
            err_file_path: err.file_path,
            err_line_number: err.line_number,
            service_host: text(called.host),
            service_path,
            service_route,
            service_payload: text(called.payload),
            service_http_code: answer.http_code,
            service_tm: answer.tm,
            service_body: text(answer.body),
            service_err: text(answer.err),
            perf_rss: perf.map(|perf| perf.0),
            perf_cpu: perf.map(|perf| perf.1),
            event_id,
            attributes: attributes.into(),
            identity,
            ..Event::empty(name)
        })
    }
}

/// An `err` of our own kind.
#[derive(Default)]
struct Checked<'a> {
    error_type: Cow<'a, str>,
    msg: Cow<'a, str>,
    stack: Cow<'a, str>,
    file_path: Cow<'a, str>,
    line_number: u32,
}

impl<'a> Failure<'a> {
    fn checked(self) -> Option<Checked<'a>> {
        Some(Checked {
            error_type: within(self.error_type, limits::ERROR_TYPE_BYTES).filter(|kind| !kind.is_empty())?,
            msg: text(self.msg),
            stack: text(self.stack),
            // Without one, the stack has to be read.
            file_path: self.file_path.and_then(|path| within(Some(path), limits::FILE_PATH_BYTES))?,
            line_number: self.line_number.unwrap_or(0),
        })
    }
}

#[cfg(test)]
#[path = "fast_tests.rs"]
mod tests;
