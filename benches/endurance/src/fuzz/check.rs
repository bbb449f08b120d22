//! A line beside what it has to say.

use super::model::{ErrModel, RecordModel};
use super::value::{Meant, Shown};
use crate::strict;
use log_center::limits::{
    CLIENT_TEXT_BYTES, ERROR_MESSAGE_BYTES, ERROR_STACK_BYTES, EXTRA_BYTES, EXTRA_FIELDS, MESSAGE_BYTES,
    VALUE_BYTES,
};
use log_center::testing::parse_extra;
use log_center_wire::limits::FILE_PATH_BYTES;
use log_center_wire::{ErrorInfo, Record};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest escape of one character, and the mark of a cut: how far below its limit a text may be cut.
const SLACK: usize = 16;

/// The field of `extra` that counts those that found no room.
const DROPPED: &str = "fields_dropped";

/// How many records there were of the kinds that random ones could miss.
#[derive(Debug)]
pub(super) struct Seen {
    visits: AtomicU64,
    errors: AtomicU64,
    cut_texts: AtomicU64,
    dropped_fields: AtomicU64,
}

pub(super) static SEEN: Seen = Seen {
    visits: AtomicU64::new(0),
    errors: AtomicU64::new(0),
    cut_texts: AtomicU64::new(0),
    dropped_fields: AtomicU64::new(0),
};

fn count(kind: &AtomicU64, happened: bool) {
    if happened {
        kind.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who wrote the line, and how.
pub(super) struct Identity {
    pub(super) name: &'static str,
    pub(super) environment: &'static str,
    pub(super) version: &'static str,
    pub(super) extra: Extra,
}

/// Reads a line as strictly as can be, and as the server will.
pub(super) fn read<'a>(line: &'a [u8], identity: &Identity) -> Result<Record<'a>, String> {
    let Some((b'\n', text)) = line.split_last() else { return Err("no line feed at its end".to_owned()) };
    if text.iter().any(|byte| *byte < b' ') {
        return Err("a control character in it".to_owned());
    }
    strict::check(text).map_err(|error| error.to_string())?;
    let record = Record::decode(text).map_err(|error| format!("the server refuses it: {error}"))?;
    let same = record.name == identity.name
        && record.environment == identity.environment
        && record.version == identity.version
        && record.pid == std::process::id()
        && record.attributes.is_empty()
        && record.commit_hash.is_empty()
        && record.tm.is_none()
        && record.perf.is_none();
    if same { Ok(record) } else { Err("the base fields are wrong, or there is something unknown".to_owned()) }
}

/// How `extra` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Extra {
    /// `k=v k2=v2`
    Text,
    /// `{"k":"v"}`
    Object,
}

impl Extra {
    /// The pairs that stand in the line. The server's text has to tell the same ones.
    fn pairs(self, line: &[u8], text: &str) -> Result<Vec<(String, String)>, String> {
        let pairs = parse_extra(text);
        if self == Extra::Text {
            return Ok(pairs);
        }
        let own = object_of(line).map_err(|error| format!("extra: {error}"))?;
        let same = own.len() == pairs.len() && pairs.iter().all(|(key, value)| own.get(key) == Some(value));
        if same { Ok(pairs) } else { Err(format!("the server makes {text:?} of extra")) }
    }

    /// Bytes that a text takes as a value.
    fn len(self, text: &str) -> usize {
        if self == Extra::Text { pair_len(text) } else { json_len(text) }
    }
}

/// `extra` of a line; numbers as they are spelled.
fn object_of(line: &[u8]) -> serde_json::Result<BTreeMap<String, String>> {
    let record: BTreeMap<&str, &RawValue> = serde_json::from_slice(line)?;
    let Some(extra) = record.get("extra") else { return Ok(BTreeMap::new()) };
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(extra.get())?;
    let words = |raw: &RawValue| match raw.get().strip_prefix('"') {
        Some(_) => serde_json::from_str(raw.get()),
        None => Ok(raw.get().to_owned()),
    };
    object.into_iter().map(|(key, raw)| Ok((key, words(raw)?))).collect()
}

/// Compares all that the model knows of.
pub(super) fn compare(line: &[u8], record: &Record<'_>, model: &RecordModel, extra: Extra) -> Result<(), String> {
    equal("level", record.level, model.level)?;
    agree("msg", &record.msg, &model.msg, MESSAGE_BYTES, json_len)?;
    let in_request = model.columns.contains_key("req_id");
    count(&SEEN.visits, in_request);
    count(&SEEN.errors, model.err.is_some());
    let (scope, event) = match (model.is_biz, in_request) {
        (true, _) => ("biz", ""),
        (false, true) => ("visit", "trace"),
        (false, false) => ("desc", ""),
    };
    equal("scope", &*record.scope, scope)?;
    equal("event", &*record.event, event)?;
    for (column, shown, limit) in [
        ("req_id", &record.req_id, usize::MAX),
        ("rrdid", &record.rrdid, usize::MAX),
        ("uid", &record.uid, usize::MAX),
        ("span_id", &record.span_id, usize::MAX),
        ("parent_id", &record.parent_id, usize::MAX),
        ("url", &record.client.url, CLIENT_TEXT_BYTES),
        ("ip", &record.client.ip, CLIENT_TEXT_BYTES),
        ("ua", &record.client.ua, CLIENT_TEXT_BYTES),
    ] {
        match model.columns.get(column) {
            Some(meant) => agree(column, shown, meant, limit, json_len)?,
            None => equal(column, &**shown, "")?,
        }
    }
    match (&record.err, &model.err) {
        (Some(err), Some(model)) => compare_err(err, model)?,
        (None, None) => {}
        (err, _) => return Err(format!("err is {err:?}")),
    }
    let has_id = record.event_id.len() == 32;
    equal("an event_id", has_id, model.err.is_some())?;
    compare_extra(&extra.pairs(line, &record.extra)?, &model.pairs, extra)
}

fn compare_err(err: &ErrorInfo<'_>, model: &ErrModel) -> Result<(), String> {
    equal("err.type", &*err.error_type, model.error_type.as_str())?;
    agree("err.msg", &err.msg, &model.message, ERROR_MESSAGE_BYTES, json_len)?;
    let path = Shown { meant: Meant::Text(model.file.clone()), raw_limit: usize::MAX };
    agree("err.file_path", &err.file_path, &path, FILE_PATH_BYTES, json_len)?;
    equal("err.line_number", err.line_number, model.line)?;
    let opening = format!("{}: {}", err.error_type, err.msg);
    let place = format!("\n    at {}:{}", err.file_path, err.line_number);
    let Some(meant) = &model.causes else {
        return equal("the start of err.stack", err.stack.starts_with(&opening), true);
    };
    let causes = err.stack.strip_prefix(&opening).and_then(|rest| rest.strip_suffix(&place));
    let causes = causes.ok_or_else(|| format!("err.stack is {:?}", err.stack))?;
    compare_causes(causes, meant)
}

/// One line for each, cut on its own, until the stack is full.
fn compare_causes(shown: &str, causes: &[String]) -> Result<(), String> {
    let mut rest = shown;
    for cause in causes {
        let Some(line) = rest.strip_prefix("\nCaused by: ") else {
            let is_full = rest.is_empty() && json_len(shown) + SLACK >= ERROR_STACK_BYTES;
            return if is_full { Ok(()) } else { Err(format!("a cause is missing: {:?}", start(cause))) };
        };
        rest = match line.strip_prefix(cause.as_str()) {
            Some(rest) => rest,
            None => {
                let same = line.chars().zip(cause.chars()).take_while(|(line, cause)| line == cause);
                let mut kept: usize = same.map(|(c, _)| c.len_utf8()).sum();
                // A text that goes on with the very character that marks a cut.
                if !line[kept..].starts_with('…') && line[..kept].ends_with('…') {
                    kept -= '…'.len_utf8();
                }
                let used = json_len(&shown[..shown.len() - line.len() + kept]) + SLACK;
                let is_long =
                    json_len(&line[..kept]) + SLACK >= ERROR_MESSAGE_BYTES || used >= ERROR_STACK_BYTES;
                let cut = line[kept..].strip_prefix('…').filter(|_| is_long);
                cut.ok_or_else(|| format!("a cause is {:?} and not {:?}", start(line), start(cause)))?
            }
        };
    }
    equal("what stands behind the causes", rest, "")
}

/// Every pair as it was meant, and all of them unless there is no room.
fn compare_extra(
    shown: &[(String, String)],
    meant: &BTreeMap<String, Shown>,
    extra: Extra,
) -> Result<(), String> {
    let pairs: BTreeMap<&str, &str> =
        shown.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    equal("pairs of different keys", pairs.len(), shown.len())?;
    for (key, value) in &pairs {
        match meant.get(*key) {
            // An own field of that name may be among those that found no room.
            _ if *key == DROPPED && value.parse::<usize>().is_ok() => {}
            Some(meant) => agree(key, value, meant, VALUE_BYTES, |text| extra.len(text))?,
            None => return Err(format!("{key}={value} was never said")),
        }
    }
    let missing: Vec<&String> = meant.keys().filter(|key| !pairs.contains_key(key.as_str())).collect();
    let is_own = !meant.contains_key(DROPPED);
    let told: usize =
        pairs.get("fields_dropped").filter(|_| is_own).map_or(Ok(0), |n| n.parse()).map_err(|_| DROPPED)?;
    let room = |shown: &Shown| match &shown.meant {
        Meant::Text(text) => extra.len(text).min(VALUE_BYTES) + SLACK,
        Meant::Float(_) => 2 * SLACK,
    };
    let all: usize = meant.iter().map(|(key, shown)| key.len() + room(shown)).sum();
    if meant.len() <= EXTRA_FIELDS && all <= EXTRA_BYTES {
        return if missing.is_empty() && told == 0 { Ok(()) } else { Err(format!("{missing:?} is missing")) };
    }
    count(&SEEN.dropped_fields, !missing.is_empty());
    if is_own && told < missing.len() {
        return Err(format!("{} fields are missing, {told} are said to be dropped", missing.len()));
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, shown: T, meant: T) -> Result<(), String> {
    if shown == meant { Ok(()) } else { Err(format!("{what} is {shown:?} and not {meant:?}")) }
}

/// Whether the text is what was meant, or as much of it as there is room for. `escaped` says what a text takes.
fn agree(
    what: &str,
    shown: &str,
    meant: &Shown,
    limit: usize,
    escaped: impl Fn(&str) -> usize,
) -> Result<(), String> {
    let complaint = |why: &str| {
        let meant = format!("{meant:?}");
        let (shown, meant) = (start(shown), start(&meant));
        Err(format!("{what} {why}: it is {shown:?} and not {meant}"))
    };
    let text = match &meant.meant {
        Meant::Text(text) => text,
        Meant::Float(number) => {
            let same = shown.parse::<f64>().is_ok_and(|shown| {
                shown.to_bits() == number.to_bits() || (shown.is_nan() && number.is_nan())
            });
            return if same { Ok(()) } else { complaint("is another number") };
        }
    };
    if escaped(shown) > limit.saturating_add(SLACK) {
        return complaint("is too long");
    }
    if shown == text {
        return Ok(());
    }
    let Some(kept) = shown.strip_suffix('…').filter(|kept| text.starts_with(kept)) else {
        return complaint("is something else");
    };
    count(&SEEN.cut_texts, true);
    let raw_cut = kept.len() + SLACK >= meant.raw_limit;
    let escaped_cut = escaped(kept) + SLACK >= limit;
    if raw_cut || escaped_cut { Ok(()) } else { complaint("was cut early") }
}

fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(400)]
}

/// Bytes that a text takes inside of a JSON string.
fn json_len(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

/// Bytes that a text takes as the value of a pair inside of a JSON string.
fn pair_len(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' => 4,
        b'\n' | b'\r' | b'\t' => 3,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}
