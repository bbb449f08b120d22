//! Reading lines the hard way: a key that comes twice is an error.

use log_center::testing::{Capture, parse_extra};
use log_center_wire::{EventKind, Record};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use tracing_subscriber::prelude::*;

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without doubled keys")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if object.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!("{key:?} comes twice")));
            }
        }
        Ok(object.into())
    }
}

/// Reads one line of the application's: strictly, and as the server will.
#[track_caller]
pub(crate) fn read(line: &str) -> Value {
    let value = read_any(line);
    if value["scope"] == "visit" {
        assert_eq!(value["event"], "trace");
    }
    value
}

/// Reads one line of whatever form, if no key comes twice.
#[track_caller]
pub(crate) fn read_strictly(line: &str) -> Value {
    let Strict(value) = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    value
}

/// The same for a line that may be the framework's.
#[track_caller]
pub(crate) fn read_any(line: &str) -> Value {
    let Strict(value) = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let record = Record::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(record.attributes, "", "the contract knows every key of {line}");
    for key in ["v", "level", "name", "hostname", "pid", "time", "msg", "scope"] {
        assert!(value.get(key).is_some(), "{key} is missing: {line}");
    }
    if value["scope"] == "visit" {
        assert!(EventKind::ALL.iter().any(|kind| value["event"] == kind.as_str()), "event: {line}");
        assert!(value.get("req_id").is_some(), "a visit without req_id: {line}");
    }
    let fails = value["level"].as_u64() >= Some(50);
    let has_err = fails || value["event"] == "service-err";
    assert_eq!(value.get("err").is_some(), has_err, "err from ERROR on: {line}");
    assert_eq!(value.get("event_id").is_some(), fails, "event_id from ERROR on: {line}");
    let keys = extra(&value);
    assert_eq!(keys.len(), pairs(&value).len(), "a key of extra comes twice: {line}");
    value
}

/// Runs a program under the layer on this thread and reads what it wrote.
#[track_caller]
pub(crate) fn written_by(program: impl FnOnce()) -> Vec<Value> {
    let capture = Capture::new();
    let (layer, _guard) = log_center::layer("test")
        .environment("testing")
        .without_endpoint()
        .trace(true)
        .report_formatted_messages(false)
        .backtraces(false)
        .writer(capture.clone())
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    capture.lines().iter().map(|line| read(line)).collect()
}

/// The same for a program that writes one line.
#[track_caller]
pub(crate) fn one_written_by(program: impl FnOnce()) -> Value {
    let records = written_by(program);
    let [record] = &records[..] else { panic!("one record expected: {records:?}") };
    record.clone()
}

fn pairs(record: &Value) -> Vec<(String, String)> {
    parse_extra(record["extra"].as_str().unwrap_or_default())
}

/// The pairs of `extra`.
pub(crate) fn extra(record: &Value) -> BTreeMap<String, String> {
    pairs(record).into_iter().collect()
}
