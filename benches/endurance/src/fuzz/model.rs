//! What a line has to say, by the crate's documentation alone: nothing here is taken from the layer but its limits.

use super::site::{BIZ, FATAL, SECRET};
use super::value::{Any, Meant, Shown};
use log_center::limits::{ERROR_MESSAGE_BYTES, ERROR_SOURCES, KEY_BYTES, SPAN_DEPTH};
use log_center_wire::limits::{CLIENT_ID_BYTES, ERROR_TYPE_BYTES, REQUEST_ID_CHARS};
use std::collections::BTreeMap;
use tracing_core::{Level, Metadata};

/// The fields of a span that are columns of its records.
const IDS: [&str; 5] = ["req_id", "rrdid", "uid", "span_id", "parent_id"];

/// The same of a span that declares a `req_id`: the client's.
const CLIENT: [&str; 3] = ["url", "ip", "ua"];

/// Fields with their values, in their order.
pub(super) type Said = Vec<(&'static str, Any)>;

/// A span, as far as records show it.
#[derive(Debug, Clone)]
pub(super) struct SpanModel {
    pub(super) parent: Option<usize>,
    opens_request: bool,
    columns: BTreeMap<&'static str, Shown>,
    pairs: BTreeMap<String, Shown>,
}

impl SpanModel {
    pub(super) fn new(parent: Option<usize>, metadata: &Metadata<'_>) -> Self {
        let opens_request = metadata.fields().iter().any(|field| field.name() == "req_id");
        Self { parent, opens_request, columns: BTreeMap::new(), pairs: BTreeMap::new() }
    }

    /// What is said at first, or later.
    pub(super) fn say(&mut self, said: &Said) {
        for (name, value) in said {
            let shown = shown(name, value);
            let is_column = IDS.contains(name) || (self.opens_request && CLIENT.contains(name));
            if is_column && is_taken(name, &shown) {
                self.columns.insert(name, shown);
            } else {
                self.pairs.insert(spelled(name), shown);
            }
        }
    }
}

/// The value, or that it is a secret.
fn shown(name: &str, value: &Any) -> Shown {
    if SECRET.contains(&name) { text("[redacted]") } else { value.shown() }
}

/// Whether the server would take it as that column.
fn is_taken(column: &str, shown: &Shown) -> bool {
    let Meant::Text(text) = &shown.meant else { return !matches!(column, "span_id" | "parent_id") };
    let is_hex = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match column {
        "req_id" => text.len() <= REQUEST_ID_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic()),
        "rrdid" | "uid" => text.len() <= CLIENT_ID_BYTES,
        "span_id" | "parent_id" => text.is_empty() || is_hex(text),
        _ => true,
    }
}

/// How `extra` spells a key.
pub(super) fn spelled(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let name = &name[..name.floor_char_boundary(KEY_BYTES)];
    let special = |c: char| c.is_ascii_control() || matches!(c, ' ' | '=' | '"' | '\\');
    if name.is_empty() { "_".to_owned() } else { name.replace(special, "_") }
}

/// `err`.
#[derive(Debug, Clone)]
pub(super) struct ErrModel {
    pub(super) error_type: String,
    pub(super) message: Shown,
    /// What each error down the chain says. None if it is all in one text of several lines.
    pub(super) causes: Option<Vec<String>>,
    pub(super) file: String,
    pub(super) line: u32,
}

/// A whole record.
#[derive(Debug, Clone)]
pub(super) struct RecordModel {
    pub(super) level: u8,
    pub(super) is_biz: bool,
    pub(super) msg: Shown,
    /// Ids and the client's columns that are not empty.
    pub(super) columns: BTreeMap<&'static str, Shown>,
    pub(super) err: Option<ErrModel>,
    pub(super) pairs: BTreeMap<String, Shown>,
}

impl RecordModel {
    /// Of an event inside of `spans[parent]`.
    pub(super) fn new(
        metadata: &Metadata<'_>,
        said: &Said,
        spans: &[SpanModel],
        parent: Option<usize>,
    ) -> Self {
        let fails = *metadata.level() == Level::ERROR;
        let event = EventModel::of(said, fails);
        let inside_out =
            || std::iter::successors(parent, |index| spans[*index].parent).map(|index| &spans[index]);
        let mut columns = BTreeMap::new();
        for span in inside_out() {
            for (column, shown) in &span.columns {
                columns.entry(*column).or_insert_with(|| shown.clone());
            }
        }
        // Said to be empty: there is none, whatever the spans further out say.
        columns.retain(|_, shown| !matches!(&shown.meant, Meant::Text(text) if text.is_empty()));
        let mut pairs = event.pairs;
        for span in inside_out().take(SPAN_DEPTH) {
            for (key, shown) in &span.pairs {
                pairs.entry(key.clone()).or_insert_with(|| shown.clone());
            }
        }
        let unnamed = || text(if event.failure.is_some() { "error" } else { "" });
        let msg = event.message.unwrap_or_else(unnamed);
        let err = fails.then(|| {
            let failure = event.failure.unwrap_or_else(|| FailureModel::of_message(msg.clone()));
            ErrModel {
                error_type: failure.error_type,
                message: failure.message,
                causes: failure.causes,
                file: metadata.file().unwrap_or("unknown").to_owned(),
                line: metadata.line().unwrap_or(0),
            }
        });
        let level = if metadata.name() == FATAL { 60 } else { number(metadata.level()) };
        Self { level, is_biz: metadata.name() == BIZ, msg, columns, err, pairs }
    }
}

/// Bunyan's.
fn number(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 50,
        Level::WARN => 40,
        Level::INFO => 30,
        Level::DEBUG => 20,
        _ => 10,
    }
}

fn text(text: &str) -> Shown {
    Shown { meant: Meant::Text(text.to_owned()), raw_limit: usize::MAX }
}

/// What the event itself says.
#[derive(Default)]
struct EventModel {
    message: Option<Shown>,
    pairs: BTreeMap<String, Shown>,
    failure: Option<FailureModel>,
}

struct FailureModel {
    field: &'static str,
    is_error: bool,
    error_type: String,
    message: Shown,
    causes: Option<Vec<String>>,
    /// The field's whole text, if that is more than the message.
    words: Option<Shown>,
}

impl EventModel {
    fn of(said: &Said, fails: bool) -> Self {
        let mut model = Self::default();
        for (name, value) in said {
            match value {
                Any::Failure(_) if fails && !SECRET.contains(name) => model.fail(name, value),
                _ if fails && matches!(*name, "error" | "err" | "exception") => model.complain(name, value),
                _ => model.keep(name, value),
            }
        }
        model
    }

    /// What is no failure is the message, or extra.
    fn keep(&mut self, name: &str, value: &Any) {
        if name == "message" {
            self.message = Some(value.shown());
        } else {
            self.pairs.insert(spelled(name), shown(name, value));
        }
    }

    /// A real error: the first one is `err`, in place of any text.
    fn fail(&mut self, name: &'static str, value: &Any) {
        let Any::Failure(failure) = value else { return };
        match &self.failure {
            Some(other) if other.is_error => {
                self.pairs.insert(spelled(name), value.shown());
                return;
            }
            Some(text) => {
                let words = text.words.as_ref().unwrap_or(&text.message);
                self.pairs.insert(spelled(text.field), words.clone());
            }
            None => {}
        }
        let mut chain = failure.chain();
        let mut causes = chain.split_off(1);
        causes.truncate(ERROR_SOURCES);
        self.failure = Some(FailureModel {
            field: name,
            is_error: true,
            error_type: failure.error_type().to_owned(),
            message: Shown { raw_limit: ERROR_MESSAGE_BYTES, ..text(&chain[0]) },
            causes: Some(causes),
            words: None,
        });
    }

    /// The first field that tells of an error in words.
    fn complain(&mut self, name: &'static str, value: &Any) {
        let message = value.shown();
        if self.failure.is_some() {
            self.pairs.insert(spelled(name), message);
            return;
        }
        let error_type = match &message.meant {
            Meant::Text(text) => type_named_by(text).to_owned(),
            Meant::Float(number) if number.is_nan() => "NaN".to_owned(),
            Meant::Float(_) => "Error".to_owned(),
        };
        // Of several lines, as the `Debug` of some errors is, the first one says what happened.
        let first = match &message.meant {
            Meant::Text(text) => text.trim().split_once('\n').map(|(first, _)| first.trim_end()),
            Meant::Float(_) => None,
        };
        let (message, words, causes) = match first {
            Some(first) => (text(first), Some(message), None),
            None => (message, None, Some(Vec::new())),
        };
        self.failure =
            Some(FailureModel { field: name, is_error: false, error_type, message, causes, words });
    }
}

impl FailureModel {
    fn of_message(message: Shown) -> Self {
        let error_type = "Error".to_owned();
        Self { field: "", is_error: false, error_type, message, causes: Some(Vec::new()), words: None }
    }
}

/// The name that a derived `Debug` begins with.
fn type_named_by(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() <= ERROR_TYPE_BYTES;
    let is_debug = rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {");
    if is_name && is_debug { name } else { "Error" }
}
