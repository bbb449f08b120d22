//! The kinds of members that a record has: what each may hold, and what becomes of it if it holds something else.

use super::leftovers::Leftovers;
use super::members::Members;
use super::quick::{Whole, Word, give_up};
use super::{Perf, RawPerf};
use crate::decode::DecodeError;
use crate::text::beginning;
use crate::{Level, UnixMillis, extra, json, limits};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// How a member is read.
pub(crate) trait Kind<'a> {
    /// What the field holds.
    type Value;

    /// Whether a record without it is refused.
    const IS_REQUIRED: bool = false;

    /// Reads a value that is certain to be right. An error leaves the record to the closer look.
    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error>;

    /// Reads a value, given as valid JSON that is not `null`. `None` keeps the member whole in `leftovers`, where the kind
    /// also notes what it changed. Only a required member is refused.
    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError>;
}

/// `name`: not empty, at most [`PROJECT_BYTES`](limits::PROJECT_BYTES).
pub(super) struct Name;

impl<'a> Kind<'a> for Name {
    type Value = Cow<'a, str>;
    const IS_REQUIRED: bool = true;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let Word(name) = map.next_value()?;
        let is_plain = (1..=limits::PROJECT_BYTES).contains(&name.len()) && is_visible(&name);
        if is_plain { Ok(name) } else { Err(give_up()) }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(text) = json::string_of(raw).or_else(|| json::is_number(raw).then_some(raw.into())) else {
            return Err(DecodeError::wrong_type(key, "a string", raw));
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(DecodeError::invalid(key, "must not be empty"));
        }
        // A project is shown in lists and on terminals.
        let shown = trimmed.replace(char::is_control, "\u{fffd}");
        if shown != trimmed {
            leftovers.keep_known(key, raw);
        }
        Ok(Some(bounded(key, &shown, limits::PROJECT_BYTES, leftovers)))
    }
}

/// `level`: bunyan's number, or the name of a level.
pub(super) struct LevelNumber;

impl<'a> Kind<'a> for LevelNumber {
    type Value = u8;
    const IS_REQUIRED: bool = true;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        match map.next_value()? {
            0 => Err(give_up()),
            level => Ok(level),
        }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let rule = "must be a whole number from 1 to 255, or the name of a level";
        let text = json::string_of(raw);
        if let Some(level) = text.as_deref().and_then(|text| text.parse::<Level>().ok()) {
            return Ok(Some(level.number()));
        }
        if text.is_none() && !json::is_number(raw) {
            return Err(DecodeError::wrong_type(
                key,
                "a whole number from 1 to 255, or the name of a level",
                raw,
            ));
        }
        let number = text.as_deref().unwrap_or(raw).trim().parse().ok();
        let number = number.filter(|number: &f64| *number >= 1.0 && number.fract() == 0.0);
        let number = number.ok_or_else(|| DecodeError::invalid(key, rule))?;
        if number > f64::from(u8::MAX) {
            leftovers.keep_known(key, raw);
        }
        // Above 255 the cast gives 255: a level as high as can be.
        Ok(Some(number as u8))
    }
}

/// `time`: ISO 8601, or a number that counts from 1970.
pub(super) struct Time;

impl<'a> Kind<'a> for Time {
    type Value = UnixMillis;
    const IS_REQUIRED: bool = true;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(|QuickTime(time)| time)
    }

    fn strict(key: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        let rule =
            "an ISO 8601 time, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970";
        let read = match json::string_of(raw) {
            Some(text) => UnixMillis::parse(&text).or_else(|error| {
                UnixMillis::of_number(text.trim()).map_err(|_| DecodeError::invalid(key, error))
            }),
            None if json::is_number(raw) => UnixMillis::of_number(raw).map_err(|_| {
                DecodeError::invalid(key, format_args!("must be {rule}, none beyond the year 9999"))
            }),
            None => Err(DecodeError::wrong_type(key, rule, raw)),
        };
        read.map(Some)
    }
}

/// A time that is a text in ISO 8601 or a whole number.
struct QuickTime(UnixMillis);

impl<'de> Deserialize<'de> for QuickTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl Visitor<'_> for TimeVisitor {
            type Value = QuickTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                UnixMillis::parse(text).map(QuickTime).map_err(|_| give_up())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                UnixMillis::of_integer(number.into()).map(QuickTime).map_err(|_| give_up())
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                UnixMillis::of_integer(number.into()).map(QuickTime).map_err(|_| give_up())
            }
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

/// `msg`: a text, also an empty one.
pub(super) struct Message;

impl<'a> Kind<'a> for Message {
    type Value = Cow<'a, str>;
    const IS_REQUIRED: bool = true;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(|Word(text)| text)
    }

    fn strict(key: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        match scalar(raw) {
            Some(text) => Ok(Some(owned(&text))),
            None => Err(DecodeError::wrong_type(key, "a string", raw)),
        }
    }
}

/// A text of so many bytes at most.
pub(super) struct Text<const BYTES: usize>;

impl<'a, const BYTES: usize> Kind<'a> for Text<BYTES> {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let Word(text) = map.next_value()?;
        if text.len() <= BYTES { Ok(text) } else { Err(give_up()) }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(text) = scalar(raw) else { return Ok(None) };
        if !raw.starts_with('"') {
            leftovers.keep_known(key, raw);
        }
        Ok(Some(bounded(key, &text, BYTES, leftovers)))
    }
}

/// `environment`: a word, kept in lower case.
pub(super) struct Environment;

impl<'a> Kind<'a> for Environment {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let Word(text) = map.next_value()?;
        let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_lower && text.len() <= limits::ENVIRONMENT_BYTES { Ok(text) } else { Err(give_up()) }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(text) = scalar(raw) else { return Ok(None) };
        if !raw.starts_with('"') {
            leftovers.keep_known(key, raw);
        }
        Ok(Some(bounded(key, &text.to_lowercase(), limits::ENVIRONMENT_BYTES, leftovers)))
    }
}

/// An id that a client gives: a text, or a number by its digits.
pub(super) struct Id;

impl<'a> Kind<'a> for Id {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        Text::<{ limits::CLIENT_ID_BYTES }>::quick(map)
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(id) = id_of(raw) else { return Ok(None) };
        Ok(Some(bounded(key, &id, limits::CLIENT_ID_BYTES, leftovers)))
    }
}

/// `event_id`: an id that is never cut, because two that begin alike are two.
pub(super) struct EventId;

impl EventId {
    fn is_one(id: &str) -> bool {
        (1..=limits::IDEMPOTENCY_KEY_CHARS).contains(&id.len()) && is_visible(id)
    }
}

impl<'a> Kind<'a> for EventId {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let Word(id) = map.next_value()?;
        if Self::is_one(&id) { Ok(id) } else { Err(give_up()) }
    }

    fn strict(_: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        Ok(id_of(raw).filter(|id| Self::is_one(id)).map(|id| owned(&id)))
    }
}

/// A whole number that is 0 if it is absent.
pub(super) struct Number<T>(PhantomData<T>);

impl<'a, T: Deserialize<'a> + FromStr> Kind<'a> for Number<T> {
    type Value = T;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value()
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        Ok(number_of(key, raw, leftovers))
    }
}

/// A whole number that may be absent.
pub(super) struct Optional<T>(PhantomData<T>);

impl<'a, T: Deserialize<'a> + FromStr> Kind<'a> for Optional<T> {
    type Value = Option<T>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(Some)
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        Ok(number_of(key, raw, leftovers).map(Some))
    }
}

/// A number that is not below zero, milliseconds mostly.
pub(super) struct Millis;

impl<'a> Kind<'a> for Millis {
    type Value = Option<f64>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        let number: f64 = map.next_value()?;
        // JSON has no NaN and no infinity.
        if number >= 0.0 { Ok(Some(number)) } else { Err(give_up()) }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let text = json::string_of(raw);
        let number = text.as_deref().unwrap_or(raw).trim().parse().ok();
        let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
        if text.is_some() && number.is_some() {
            leftovers.keep_known(key, raw);
        }
        Ok(number.map(Some))
    }
}

/// `extra`: a text of pairs, or an object whose members become the pairs.
pub(super) struct Extra;

impl<'a> Kind<'a> for Extra {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(|Word(text)| text)
    }

    fn strict(_: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        Ok(Some(extra::text_of(raw).into()))
    }
}

/// What another program said: a text, or the JSON that it is.
pub(super) struct Anything;

impl<'a> Kind<'a> for Anything {
    type Value = Cow<'a, str>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(|Word(text)| text)
    }

    fn strict(_: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        Ok(Some(owned(json::string_of(raw).as_deref().unwrap_or(raw))))
    }
}

/// An object whose members are known. What else it holds is kept under its key.
pub(super) struct Object<T>(PhantomData<T>);

impl<'a, T: Members<'a>> Kind<'a> for Object<T> {
    type Value = T;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value().map(|Whole(members)| members)
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(members) = members_of(raw) else { return Ok(None) };
        let mut inner = leftovers.of_member(key);
        let object = T::strict(members, &mut inner)?;
        leftovers.adopt(key, inner);
        Ok(Some(object))
    }
}

/// `perf`: both figures, or none.
pub(super) struct Sample;

impl<'a> Kind<'a> for Sample {
    type Value = Option<Perf>;

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        match map.next_value()? {
            Whole(RawPerf { rss: Some(rss), cpu: Some(cpu) }) => Ok(Some(Perf { rss, cpu })),
            Whole(_) => Err(give_up()),
        }
    }

    fn strict(
        key: &'static str,
        raw: &str,
        leftovers: &mut Leftovers,
    ) -> Result<Option<Self::Value>, DecodeError> {
        let Some(members) = members_of(raw) else { return Ok(None) };
        let mut inner = leftovers.of_member(key);
        let RawPerf { rss: Some(rss), cpu: Some(cpu) } = RawPerf::strict(members, &mut inner)? else {
            return Ok(None);
        };
        leftovers.adopt(key, inner);
        Ok(Some(Some(Perf { rss, cpu })))
    }
}

/// `v`: any whole number.
pub(super) struct Format;

impl<'a> Kind<'a> for Format {
    type Value = ();

    fn quick<A: MapAccess<'a>>(map: &mut A) -> Result<Self::Value, A::Error> {
        map.next_value::<u8>().map(|_| ())
    }

    fn strict(_: &'static str, raw: &str, _: &mut Leftovers) -> Result<Option<Self::Value>, DecodeError> {
        Ok(raw.parse::<i64>().is_ok().then_some(()))
    }
}

/// The members of an object; `None` if it is none.
pub(super) fn members_of(raw: &str) -> Option<json::Members<'_>> {
    if raw.starts_with('{') { json::members(raw).ok() } else { None }
}

/// A text, or a number or boolean as it is written.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    json::string_of(raw).or_else(|| (!raw.starts_with(['{', '['])).then_some(raw.into()))
}

fn id_of(raw: &str) -> Option<Cow<'_, str>> {
    json::string_of(raw).or_else(|| json::is_number(raw).then_some(raw.into()))
}

/// A number that fits. One that is written as a text is understood, and kept whole, too.
fn number_of<T: FromStr>(key: &'static str, raw: &str, leftovers: &mut Leftovers) -> Option<T> {
    let text = json::string_of(raw);
    let number = text.as_deref().unwrap_or(raw).trim().parse().ok();
    if text.is_some() && number.is_some() {
        leftovers.keep_known(key, raw);
    }
    number
}

/// A text that is cut, and the cut told, if it is too long.
fn bounded<'a>(key: &'static str, text: &str, bytes: usize, leftovers: &mut Leftovers) -> Cow<'a, str> {
    if text.len() > bytes {
        leftovers.cut(key, text.len());
    }
    owned(beginning(text, bytes))
}

fn owned<'a>(text: &str) -> Cow<'a, str> {
    Cow::Owned(text.to_owned())
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
