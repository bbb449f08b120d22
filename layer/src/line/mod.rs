//! The JSON line, written by hand: its cost is the product.
//!
//! Everything that can run foreign code or fail has happened before ([`crate::visit`]); here pieces that are
//! escaped already are put side by side. No key can come twice, because each is written at one place only, and
//! inside `extra` a key is looked for among those that are there.

mod clock;
pub(crate) mod escape;
mod identity;
mod unique_id;

pub(crate) use clock::Clock;
pub(crate) use identity::{Identity, Names};
#[cfg(any(feature = "tower", feature = "reqwest"))]
pub(crate) use unique_id::unique_number;
pub(crate) use unique_id::{random, unique_id};

use crate::capture::Captured;
use crate::failure::{Origin, UNKNOWN_TYPE};
use crate::fields::{Column, Fields, Pair, Piece};
use crate::limits::{ERROR_MESSAGE_BYTES, ERROR_STACK_BYTES, EXTRA_BYTES, EXTRA_FIELDS, SPAN_DEPTH};
use crate::scratch::Scratch;
use crate::span::SpanNode;
use escape::push_json;
use log_center_wire::limits::{ERROR_TYPE_BYTES, FILE_PATH_BYTES};
use log_center_wire::{EventKind, Level};
use tracing_core::Metadata;

/// `msg` of a record whose event says nothing but that there was an error, as `#[instrument(err)]` does.
const UNNAMED_ERROR: &str = "error";

/// Writes the line of an event whose fields are captured, with its line feed.
pub(crate) fn write_event(
    scratch: &mut Scratch,
    identity: &Identity,
    level: Level,
    metadata: &Metadata<'_>,
    span: Option<&SpanNode>,
) {
    let Scratch { line, captured, clock } = scratch;
    let fails = level >= Level::Error;
    write_head(line, identity, level, clock);
    write_message(line, captured);
    let in_request = span.is_some_and(|span| write_columns(line, span));
    write_scope(line, in_request, captured.event());
    line.extend_from_slice(identity.tail());
    if fails {
        write_event_id(line);
        write_error(line, captured, metadata);
    }
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    if let Some(hop) = captured.hop {
        line.extend_from_slice(hop.columns.of(&captured.text));
        // A failing call is not an ERROR, and has its `err` all the same.
        if !fails && captured.failure.origin != Origin::Nowhere {
            write_error(line, captured, metadata);
        }
    }
    write_extra(line, captured, span);
    line.extend_from_slice(b"}\n");
}

/// Writes the line of a record that no event stands behind: outside of every request, its `extra` plain.
pub(crate) fn write_plain(
    line: &mut Vec<u8>,
    identity: &Identity,
    level: Level,
    clock: &mut Clock,
    msg: &str,
    extra: &str,
) {
    write_head(line, identity, level, clock);
    line.extend_from_slice(msg.as_bytes());
    line.push(b'"');
    write_scope(line, false, EventKind::Trace);
    line.extend_from_slice(identity.tail());
    push_string(line, "extra", extra.as_bytes());
    line.extend_from_slice(b"}\n");
}

/// Up to the message, its quote included.
fn write_head(line: &mut Vec<u8>, identity: &Identity, level: Level, clock: &mut Clock) {
    line.extend_from_slice(identity.head(level));
    line.extend_from_slice(clock.now());
    line.extend_from_slice(b"\",\"msg\":\"");
}

fn write_message(line: &mut Vec<u8>, captured: &Captured) {
    let unnamed = captured.message.is_none() && captured.failure.origin != Origin::Nowhere;
    line.extend_from_slice(if unnamed { UNNAMED_ERROR.as_bytes() } else { captured.message() });
    line.push(b'"');
}

fn write_scope(line: &mut Vec<u8>, in_request: bool, event: EventKind) {
    match (in_request, event) {
        (false, _) => line.extend_from_slice(b",\"scope\":\"desc\""),
        // Nearly all are.
        (true, EventKind::Trace) => line.extend_from_slice(b",\"scope\":\"visit\",\"event\":\"trace\""),
        (true, event) => {
            line.extend_from_slice(b",\"scope\":\"visit\"");
            push_string(line, "event", event.as_str().as_bytes());
        }
    }
}

/// The columns that the spans set, each from the innermost one that says anything of it. Whether there is a `req_id`.
fn write_columns(line: &mut Vec<u8>, span: &SpanNode) -> bool {
    let mut nodes = span.with_columns();
    let Some(innermost) = nodes.next() else { return false };
    if nodes.next().is_some() {
        let ids = write_columns_of(line, span, &Column::IDS, None);
        write_columns_of(line, span, &Column::CLIENT, Some("d"));
        return ids & (1 << Column::ReqId as usize) != 0;
    }
    let fields = innermost.fields();
    line.extend_from_slice(fields.ids());
    if let Some((_, members)) = fields.client().split_first() {
        line.extend_from_slice(b",\"d\":{");
        line.extend_from_slice(members);
        line.push(b'}');
    }
    fields.column(Column::ReqId).is_some_and(|column| !column.is_empty())
}

/// The set of columns written, as bits.
fn write_columns_of(line: &mut Vec<u8>, span: &SpanNode, of: &[Column], object: Option<&str>) -> usize {
    let (mut said, mut written) = (0, 0);
    for node in span.with_columns() {
        let fields = node.fields();
        for &column in of {
            let bit = 1 << column as usize;
            let Some(text) = fields.column(column) else { continue };
            if said & bit != 0 {
                continue;
            }
            said |= bit;
            // Said to be empty: there is none, whatever the spans outside of this one say.
            let Some((_, member)) = text.split_first() else { continue };
            if let (Some(object), 0) = (object, written) {
                push_name(line, object);
                line.push(b'{');
                line.extend_from_slice(member);
            } else {
                line.extend_from_slice(text);
            }
            written |= bit;
        }
    }
    if object.is_some() && written != 0 {
        line.push(b'}');
    }
    written
}

fn write_event_id(line: &mut Vec<u8>) {
    push_string(line, "event_id", &unique_id());
}

/// `err`: what a field told, else what the message says; the place is the event's own.
fn write_error(line: &mut Vec<u8>, captured: &Captured, metadata: &Metadata<'_>) {
    let failure = &captured.failure;
    let told = failure.origin != Origin::Nowhere;
    let error_type = if told { failure.error_type.as_str() } else { UNKNOWN_TYPE };
    let file = metadata.file().unwrap_or("unknown");
    let mut digits = itoa::Buffer::new();
    let line_number = digits.format(metadata.line().unwrap_or(0));
    let push_message = |line: &mut Vec<u8>| {
        if told {
            push_json(line, &failure.message, ERROR_MESSAGE_BYTES);
        } else {
            line.extend_from_slice(captured.message());
        }
    };

    line.extend_from_slice(b",\"err\":{\"msg\":\"");
    push_message(line);
    line.extend_from_slice(b"\",\"stack\":\"");
    push_json(line, error_type, ERROR_TYPE_BYTES);
    line.extend_from_slice(b": ");
    push_message(line);
    push_json(line, &failure.causes, ERROR_STACK_BYTES);
    line.extend_from_slice(b"\\n    at ");
    push_json(line, file, FILE_PATH_BYTES);
    line.push(b':');
    line.extend_from_slice(line_number.as_bytes());
    line.extend_from_slice(b"\",\"type\":\"");
    push_json(line, error_type, ERROR_TYPE_BYTES);
    line.extend_from_slice(b"\",\"file_path\":\"");
    push_json(line, file, FILE_PATH_BYTES);
    line.extend_from_slice(b"\",\"line_number\":");
    line.extend_from_slice(line_number.as_bytes());
    line.push(b'}');
}

/// `extra`: the event's fields, then those of the spans from the inside out, each key once.
fn write_extra(line: &mut Vec<u8>, captured: &mut Captured, span: Option<&SpanNode>) {
    let Captured { fields, keys_in_line, dropped, .. } = captured;
    let mut extra = Extra { line, keys: keys_in_line, marks: 0, start: None, dropped: *dropped };
    extra.push_all(fields, span.is_none());
    for node in span.into_iter().flat_map(SpanNode::outwards).take(SPAN_DEPTH) {
        extra.push_all(&node.fields(), node.is_outermost());
    }
    extra.finish();
}

struct Extra<'a> {
    line: &'a mut Vec<u8>,
    /// The keys written, as pieces of the line.
    keys: &'a mut Vec<Piece>,
    /// Their marks.
    marks: u64,
    start: Option<usize>,
    dropped: usize,
}

impl Extra<'_> {
    fn has(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|written| written.of(self.line) == key)
    }

    fn has_room(&self, bytes: usize, pairs: usize) -> bool {
        let used = self.start.map_or(0, |start| self.line.len() - start);
        self.keys.len() + pairs <= EXTRA_FIELDS && used + bytes <= EXTRA_BYTES
    }

    /// `last`: no fields come after these.
    fn push_all(&mut self, fields: &Fields, last: bool) {
        let (text, pairs) = (fields.extra(), fields.pairs());
        if pairs.is_empty() {
            return;
        }
        if self.marks & fields.marks() == 0 && self.has_room(text.len(), pairs.len()) {
            self.separate();
            let start = self.line.len();
            self.line.extend_from_slice(text);
            if !last || self.dropped > 0 {
                self.keys.extend(pairs.iter().map(|pair| pair.moved(start).key()));
            }
        } else {
            for pair in pairs {
                self.push(text, *pair);
            }
        }
        self.marks |= fields.marks();
    }

    fn push(&mut self, text: &[u8], pair: Pair) {
        if self.has(pair.key().of(text)) {
            return;
        }
        let whole = pair.whole.of(text);
        if !self.has_room(whole.len(), 1) {
            self.dropped += 1;
            return;
        }
        self.separate();
        self.keys.push(pair.key_at(self.line.len()));
        self.line.extend_from_slice(whole);
    }

    fn separate(&mut self) {
        if self.start.is_some() {
            self.line.push(b' ');
        } else {
            self.line.extend_from_slice(b",\"extra\":\"");
            self.start = Some(self.line.len());
        }
    }

    fn finish(mut self) {
        const DROPPED: &[u8] = b"fields_dropped";
        if self.dropped > 0 && !self.has(DROPPED) {
            self.separate();
            self.line.extend_from_slice(DROPPED);
            self.line.push(b'=');
            self.line.extend_from_slice(itoa::Buffer::new().format(self.dropped).as_bytes());
        }
        if self.start.is_some() {
            self.line.push(b'"');
        }
    }
}

/// `,"name":"value"`, the value escaped already.
fn push_string(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":\"");
    line.extend_from_slice(value);
    line.push(b'"');
}

fn push_name(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}
