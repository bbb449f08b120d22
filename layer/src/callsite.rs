//! What the layer knows of a callsite: all that is the same in every event or span that comes from it, found out
//! when the first one comes.
//!
//! Names are compared, keys escaped and places spelled once for each callsite, not once for each event. What was
//! found out is kept as long as the process lives, as tracing itself keeps every callsite: there are as many as
//! the program's text has. A thread remembers where it found the ones that it met last; behind that stands one map
//! for all threads.

use crate::constancy::Constancy;
use crate::failure::names_error;
use crate::fields::Column;
use crate::limits::ERROR_STACK_BYTES;
use crate::line::escape::{push_json, push_key};
use crate::redact::Redaction;
use log_center_wire::Level;
use log_center_wire::limits::{FILE_PATH_BYTES, VERSION_BYTES};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use tracing_core::Metadata;

/// How many callsites a thread finds without asking for them; a power of two, of eight bytes each. Two that fall
/// into one place take turns, which costs a look into the map each time.
const PLACES: usize = 256;

/// The name of the callsites of [`biz!`](crate::biz). A name, not a target or a level, so that both filter as ever.
const BIZ: &str = "log_center::biz";

/// The name of the callsites of [`fatal!`](crate::fatal).
const FATAL: &str = "log_center::fatal";

/// What the names of the fields begin with that the bridge from the `log` crate (tracing-log) adds to an event.
const LOG_FIELDS: &str = "log.";

thread_local! {
    static RECENT: [Cell<Option<&'static Facts>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

/// How fields are written.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Settings {
    /// `extra` is an object, not a text.
    pub(crate) extra_as_object: bool,
    pub(crate) redaction: Redaction,
}

/// One way to write fields, with all callsites and keys as they are under it. Layers that are set up alike share it.
pub(crate) struct Style {
    pub(crate) settings: Settings,
    facts: RwLock<HashMap<usize, &'static Facts>>,
    keys: RwLock<HashMap<Vec<u8>, &'static Key>>,
}

/// What all events or spans of one callsite have in common.
pub(crate) struct Facts {
    pub(crate) style: &'static Style,
    /// Of the metadata, which stays where it is.
    address: usize,
    pub(crate) level: Level,
    /// Whether its records have an `err`.
    pub(crate) fails: bool,
    /// A span that declares a `req_id`, be it for later.
    pub(crate) opens_request: bool,
    /// An event of [`biz!`](crate::biz).
    pub(crate) is_biz: bool,
    /// The members that are the same in each record of the callsite, as they go into a line: each with a comma before it.
    pub(crate) members: Box<[u8]>,
    /// A span that can set a column.
    pub(crate) declares_columns: bool,
    /// By the index of the field.
    pub(crate) fields: Box<[FieldFacts]>,
    pub(crate) place: Place,
    pub(crate) constancy: Constancy,
}

/// One field of a callsite.
pub(crate) struct FieldFacts {
    pub(crate) role: Role,
    pub(crate) name: &'static str,
    pub(crate) key: &'static Key,
}

/// What becomes of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A pair of `extra`.
    Plain,
    /// `msg`.
    Message,
    /// Words about an error, in an event that has an `err`.
    Error,
    /// A backtrace, in an event that has an `err`.
    Backtrace,
    /// A column, in every record inside the span.
    Column(Column),
    /// A pair that is an address, in which there may be a secret.
    Address,
    /// A pair that nobody may read.
    Redacted,
    /// Where in the program a record of the `log` crate comes from.
    LogFile,
    LogLine,
    /// Says nothing that is not said elsewhere.
    Dropped,
}

/// The key of a pair.
#[derive(Debug)]
pub(crate) struct Key {
    /// ` key=`, as it goes into a line: with what separates it from the pair before. In an object `,"key":`.
    pub(crate) opening: Box<[u8]>,
    /// Whether values are JSON.
    pub(crate) in_object: bool,
    /// Two keys are the same if this is.
    pub(crate) id: u32,
    /// One of 64 bits, the same for the same key.
    pub(crate) mark: u64,
}

/// Where in the program a callsite is, escaped, in the two ways that `err` says it.
pub(crate) struct Place {
    /// `\n    at src/main.rs:6","type":"`: the end of the stack and what follows it.
    pub(crate) before_type: Box<[u8]>,
    /// `","file_path":"src/main.rs","line_number":6}`
    pub(crate) after_type: Box<[u8]>,
}

impl Style {
    /// The style of these settings. It stays: a program has one or two.
    pub(crate) fn of(settings: Settings) -> &'static Self {
        static ALL: Mutex<Vec<&'static Style>> = Mutex::new(Vec::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(style) = all.iter().find(|style| style.settings == settings) {
            return style;
        }
        let style: &'static Style =
            Box::leak(Box::new(Style { settings, facts: RwLock::default(), keys: RwLock::default() }));
        all.push(style);
        style
    }

    /// What there is to know of a callsite.
    #[inline]
    pub(crate) fn facts(&'static self, metadata: &'static Metadata<'static>) -> &'static Facts {
        let address = std::ptr::from_ref(metadata).addr();
        let recent = |places: &[Cell<Option<&'static Facts>>; PLACES]| {
            // The upper bits of the product depend on every bit of the address.
            let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let place = &places[(hash >> 56) as usize % PLACES];
            match place.get() {
                Some(facts) if facts.address == address && std::ptr::eq(facts.style, self) => facts,
                _ => {
                    let facts = self.look_up(address, metadata);
                    place.set(Some(facts));
                    facts
                }
            }
        };
        RECENT.try_with(recent).unwrap_or_else(|_| self.look_up(address, metadata))
    }

    #[cold]
    fn look_up(&'static self, address: usize, metadata: &'static Metadata<'static>) -> &'static Facts {
        find_or_make(&self.facts, &address, || address, |_| Facts::read(self, address, metadata))
    }

    /// The key that a field's name is spelled as.
    pub(crate) fn key(&self, name: &str) -> &'static Key {
        let mut spelled = Vec::new();
        push_key(&mut spelled, name);
        let in_object = self.settings.extra_as_object;
        find_or_make(
            &self.keys,
            &spelled[..],
            || spelled.clone(),
            |count| Key::new(&spelled, in_object, count),
        )
    }
}

/// What a map has under a key; else what is made of the number of its entries, which stays for good.
fn find_or_make<K, Q, V>(
    map: &RwLock<HashMap<K, &'static V>>,
    key: &Q,
    own: impl FnOnce() -> K,
    make: impl FnOnce(usize) -> V,
) -> &'static V
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ?Sized,
{
    if let Some(found) = map.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return found;
    }
    let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
    // Another thread may have been faster.
    if let Some(found) = map.get(key) {
        return found;
    }
    let made: &'static V = Box::leak(Box::new(make(map.len())));
    map.insert(own(), made);
    made
}

impl Key {
    fn new(spelled: &[u8], in_object: bool, count: usize) -> Self {
        let opening = opening(spelled, in_object).into();
        // The first 64 keys of a program have a bit each of their own.
        Self { opening, in_object, id: count as u32, mark: 1 << (count % 64) }
    }
}

/// What stands before a value: a separator and the key, which is spelled so that it needs no escapes.
pub(crate) fn opening(spelled: &[u8], in_object: bool) -> Vec<u8> {
    if in_object { [b",\"", spelled, b"\":"].concat() } else { [b" ", spelled, b"="].concat() }
}

impl Facts {
    fn read(style: &'static Style, address: usize, metadata: &'static Metadata<'static>) -> Self {
        let is_event = metadata.is_event();
        let is_biz = is_event && metadata.name() == BIZ;
        let is_fatal = is_event && metadata.name() == FATAL;
        let level = if is_fatal { Level::Fatal } else { level_of(metadata) };
        // In such a span `url`, `ip` and `ua` are the client's.
        let opens_request = !is_event && metadata.fields().field(Column::ReqId.name()).is_some();
        let fails = is_event && level >= Level::Error;
        // The bridge has one callsite for each level; what differs comes as fields.
        let is_log =
            is_event && metadata.target() == "log" && metadata.fields().field("log.target").is_some();
        let pair = |name: &str| match name {
            name if style.settings.redaction.hides(name) => Role::Redacted,
            "url" | "uri" | "referer" | "location" => Role::Address,
            _ => Role::Plain,
        };
        let role = |name: &str| {
            if is_event {
                return match name {
                    "message" => Role::Message,
                    "log.target" if is_log => Role::Plain,
                    "log.file" if is_log => Role::LogFile,
                    "log.line" if is_log => Role::LogLine,
                    name if is_log && name.starts_with(LOG_FIELDS) => Role::Dropped,
                    name if fails && names_error(name) => Role::Error,
                    "backtrace" if fails => Role::Backtrace,
                    name => pair(name),
                };
            }
            match Column::named(name) {
                Some(column) if opens_request || !column.is_client() => Role::Column(column),
                _ => pair(name),
            }
        };
        let facts = |name: &'static str| {
            let spelled = name.strip_prefix(LOG_FIELDS).filter(|_| is_log).unwrap_or(name);
            FieldFacts { role: role(name), name: spelled, key: style.key(spelled) }
        };
        let fields: Box<[FieldFacts]> = metadata.fields().iter().map(|field| facts(field.name())).collect();
        Self {
            style,
            address,
            level,
            fails,
            opens_request,
            is_biz,
            members: members(is_biz, metadata.target()),
            declares_columns: fields.iter().any(|field| matches!(field.role, Role::Column(_))),
            fields,
            constancy: Constancy::of(metadata),
            place: Place::new(metadata.file().unwrap_or("unknown"), metadata.line().unwrap_or(0)),
        }
    }
}

fn members(is_biz: bool, target: &str) -> Box<[u8]> {
    let mut members = Vec::new();
    if is_biz {
        members.extend_from_slice(b",\"scope\":\"biz\"");
    }
    if is_foreign(target, own_crate()) {
        members.extend_from_slice(b",\"target\":\"");
        push_json(&mut members, target, VERSION_BYTES);
        members.push(b'"');
    }
    members.into()
}

/// Whether a target is that of another crate than the program's own and this one, and short enough for the server. The bridge from
/// the `log` crate has one target for all.
fn is_foreign(target: &str, own: &str) -> bool {
    let name = target.split("::").next().unwrap_or(target);
    let is_part_of =
        |whole: &str| name.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    !is_part_of(own) && name != env!("CARGO_CRATE_NAME") && name != "log" && target.len() <= VERSION_BYTES
}

/// The program's own crate, by the name of its file: `shop` for `shop`, for its tests `shop-1f2e3d4c5b6a7988`, and its crates
/// `shop_core`.
fn own_crate() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| {
        let program = std::env::current_exe().unwrap_or_default();
        let name = program.file_stem().unwrap_or_default().to_string_lossy();
        let is_hash = |end: &str| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = name.rsplit_once('-').filter(|(_, end)| is_hash(end)).map_or(&*name, |(name, _)| name);
        name.replace('-', "_")
    })
}

fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing_core::Level::ERROR => Level::Error,
        tracing_core::Level::WARN => Level::Warn,
        tracing_core::Level::INFO => Level::Info,
        tracing_core::Level::DEBUG => Level::Debug,
        _ => Level::Trace,
    }
}

/// What stands between an error's stack and its type.
pub(crate) const BEFORE_TYPE: &[u8] = b"\",\"type\":\"";

impl Place {
    /// `\n    at src/main.rs:6`
    pub(crate) fn frame(&self) -> &[u8] {
        self.before_type.strip_suffix(BEFORE_TYPE).unwrap_or_default()
    }

    pub(crate) fn new(file: &str, line: u32) -> Self {
        Self::of_panic(file, line, None)
    }

    /// Where a panic was, and what was called there.
    pub(crate) fn of_panic(file: &str, line: u32, trace: Option<String>) -> Self {
        let mut stack = Vec::new();
        if let Some(trace) = trace {
            stack.extend_from_slice(b"\\n");
            push_json(&mut stack, &trace, ERROR_STACK_BYTES);
        }
        let mut escaped = Vec::new();
        // With the mark of a cut it is still what the server takes.
        push_json(&mut escaped, file, FILE_PATH_BYTES - '…'.len_utf8());
        let digits = line.to_string();
        let line = digits.as_bytes();
        Self {
            before_type: [b"\\n    at ", &escaped[..], b":", line, &stack[..], BEFORE_TYPE].concat().into(),
            after_type: [b"\",\"file_path\":\"", &escaped[..], b"\",\"line_number\":", line, b"}"]
                .concat()
                .into(),
        }
    }
}
