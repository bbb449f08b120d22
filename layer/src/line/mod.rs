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
pub(crate) use unique_id::{random, unique_id};

use crate::capture::{Captured, Column, Pair, Piece};
use crate::failure::{Origin, UNKNOWN_TYPE};
use crate::limits::{ERROR_MESSAGE_BYTES, ERROR_STACK_BYTES, EXTRA_BYTES, EXTRA_FIELDS, SPAN_DEPTH};
use crate::scratch::Scratch;
use crate::span::SpanNode;
use escape::push_json;
use log_center_wire::limits::{ERROR_TYPE_BYTES, FILE_PATH_BYTES};
use log_center_wire::{EventKind, Level, Scope};
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
    write_scope(line, in_request);
    line.extend_from_slice(identity.tail());
    if fails {
        write_event_id(line);
        write_error(line, captured, metadata);
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
    push_string(line, "msg", msg.as_bytes());
    write_scope(line, false);
    line.extend_from_slice(identity.tail());
    push_string(line, "extra", extra.as_bytes());
    line.extend_from_slice(b"}\n");
}

fn write_head(line: &mut Vec<u8>, identity: &Identity, level: Level, clock: &mut Clock) {
    line.extend_from_slice(identity.head(level));
    line.extend_from_slice(clock.now());
    line.push(b'"');
}

fn write_message(line: &mut Vec<u8>, captured: &Captured) {
    let unnamed = captured.message.is_none() && captured.failure.origin != Origin::Nowhere;
    push_string(line, "msg", if unnamed { UNNAMED_ERROR.as_bytes() } else { captured.message() });
}

fn write_scope(line: &mut Vec<u8>, in_request: bool) {
    if in_request {
        push_string(line, "scope", Scope::Visit.as_str().as_bytes());
        push_string(line, "event", EventKind::Trace.as_str().as_bytes());
    } else {
        push_string(line, "scope", Scope::Desc.as_str().as_bytes());
    }
}

/// The columns that the spans set, each from the innermost one that says anything of it. Whether there is a `req_id`.
fn write_columns(line: &mut Vec<u8>, span: &SpanNode) -> bool {
    let ids = write_columns_of(line, span, &Column::IDS, None);
    write_columns_of(line, span, &Column::CLIENT, Some("d"));
    ids & (1 << Column::ReqId as usize) != 0
}

/// The set of columns written, as bits.
fn write_columns_of(line: &mut Vec<u8>, span: &SpanNode, of: &[Column], object: Option<&str>) -> usize {
    let (mut said, mut written) = (0, 0);
    for node in span.with_columns() {
        let fields = node.fields();
        for &column in of {
            let bit = 1 << column as usize;
            let Some(piece) = fields.columns[column as usize] else { continue };
            if said & bit != 0 {
                continue;
            }
            said |= bit;
            // Said to be empty: there is none, whatever the spans outside of this one say.
            if piece.start == piece.end {
                continue;
            }
            if let (Some(object), 0) = (object, written) {
                push_name(line, object);
                line.push(b'{');
                push_first_string(line, column.name(), piece.of(&fields.text));
            } else {
                push_string(line, column.name(), piece.of(&fields.text));
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
    let Captured { text, pairs, keys_in_line, dropped, .. } = captured;
    let mut extra = Extra { line, keys: keys_in_line, start: None, dropped: *dropped };
    // An event's own keys are different already.
    for pair in &*pairs {
        extra.push(text, pair);
    }
    for node in span.into_iter().flat_map(SpanNode::outwards).take(SPAN_DEPTH) {
        let fields = node.fields();
        for pair in &fields.pairs {
            if !extra.has(pair.key(&fields.text)) {
                extra.push(&fields.text, pair);
            }
        }
    }
    extra.finish();
}

struct Extra<'a> {
    line: &'a mut Vec<u8>,
    /// The keys written, as pieces of the line.
    keys: &'a mut Vec<Piece>,
    start: Option<usize>,
    dropped: usize,
}

impl Extra<'_> {
    fn has(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|written| written.of(self.line) == key)
    }

    fn push(&mut self, text: &[u8], pair: &Pair) {
        let whole = pair.whole.of(text);
        let used = self.start.map_or(0, |start| self.line.len() - start);
        if self.keys.len() >= EXTRA_FIELDS || used + whole.len() > EXTRA_BYTES {
            self.dropped += 1;
            return;
        }
        self.separate();
        let start = self.line.len();
        self.line.extend_from_slice(whole);
        self.keys.push((start..start + pair.key(text).len()).into());
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
    line.push(b',');
    push_first_string(line, name, value);
}

fn push_first_string(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    line.push(b'"');
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
