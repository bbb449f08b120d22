//! Callsites with random fields, made while the program runs: a macro's would have names that somebody thought of.

use super::text;
use fastrand::Rng;
use std::sync::OnceLock;
use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::field::FieldSet;
use tracing_core::{Interest, Kind, Level, Metadata};

/// Most fields of one callsite, which is what tracing's macros can have.
const FIELDS: usize = 32;

/// How many callsites there are for spans, and as many for events.
const SITES: usize = 128;

/// Names as people write them, those of the contract, and some that have to be spelled otherwise.
const NAMES: [&str; 47] = [
    "k",
    "user",
    "order_id",
    "amount",
    "a b",
    "a_b",
    "a=b",
    "ключ",
    "q\"",
    "",
    "_",
    "tab\t",
    "back\\slash",
    "r#type",
    "type",
    "v",
    "level",
    "name",
    "hostname",
    "pid",
    "time",
    "msg",
    "scope",
    "event",
    "rrdid",
    "req_id",
    "uid",
    "d",
    "tm",
    "extra",
    "err",
    "error",
    "exception",
    "service_req",
    "service_res",
    "perf",
    "span_id",
    "parent_id",
    "environment",
    "event_id",
    "url",
    "ip",
    "ua",
    "message",
    "password",
    "userPassword",
    "token_count",
];

/// What the callsites of `biz!` and `fatal!` are known by.
pub(super) const BIZ: &str = "log_center::biz";
pub(super) const FATAL: &str = "log_center::fatal";

/// The names among these that name a secret.
pub(super) const SECRET: [&str; 2] = ["password", "userPassword"];

const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// A callsite that lives as long as the program.
pub(super) struct Site {
    metadata: OnceLock<Metadata<'static>>,
}

/// All callsites of a run.
pub(super) struct Sites {
    pub(super) spans: Vec<&'static Site>,
    pub(super) events: Vec<&'static Site>,
}

impl Sites {
    pub(super) fn any(rng: &mut Rng) -> Self {
        Self {
            spans: (0..SITES).map(|_| Site::any(rng, Kind::SPAN)).collect(),
            events: (0..SITES).map(|_| Site::any(rng, Kind::EVENT)).collect(),
        }
    }
}

impl Site {
    fn any(rng: &mut Rng, kind: Kind) -> &'static Self {
        let count = if rng.u8(..4) == 0 { rng.usize(..=FIELDS) } else { rng.usize(..=8) };
        let mut names: Vec<&'static str> = (0..count).map(|_| name(rng)).collect();
        if kind == Kind::SPAN && rng.bool() {
            names.extend(["req_id", "uid", "span_id", "url", "ip"]);
        } else if kind == Kind::EVENT && rng.u8(..8) > 0 {
            names.insert(rng.usize(..=names.len()), "message");
        }
        names.truncate(FIELDS);
        let file = match rng.u8(..8) {
            0 => None,
            1 => Some(leaked(text::any(rng))),
            _ => Some("src/shop.rs"),
        };
        let line = (rng.u8(..8) > 0).then(|| rng.u32(..));
        let (name, level) = match rng.u8(..10) {
            0 if kind == Kind::EVENT => (BIZ, Level::INFO),
            1 if kind == Kind::EVENT => (FATAL, Level::ERROR),
            _ => (leaked(text::any(rng)), LEVELS[rng.usize(..LEVELS.len())]),
        };

        let site: &'static Self = Box::leak(Box::new(Self { metadata: OnceLock::new() }));
        let fields = FieldSet::new(Box::leak(names.into_boxed_slice()), Identifier(site));
        site.metadata
            .get_or_init(|| Metadata::new(name, "fuzz", level, file, line, Some("fuzz"), fields, kind));
        site
    }

    pub(super) fn metadata(&'static self) -> &'static Metadata<'static> {
        Callsite::metadata(self)
    }
}

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    #[expect(clippy::expect_used, reason = "it is set before anybody knows the callsite")]
    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect("a callsite has its metadata")
    }
}

fn name(rng: &mut Rng) -> &'static str {
    match rng.u16(..1200) {
        // The one that the layer itself writes; seldom, or it would always be there where spans are deep.
        0 => "fields_dropped",
        1..400 => leaked(text::any(rng)),
        _ => NAMES[rng.usize(..NAMES.len())],
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
