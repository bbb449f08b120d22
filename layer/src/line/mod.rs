//! The JSON line, written by hand: its cost is the product.
//!
//! Everything that can run foreign code or fail has happened before ([`crate::visit`]); here pieces that are
//! escaped already are put side by side. No key can come twice, because each is written at one place only, and
//! inside `extra` a key is looked for among those that are there.

mod clock;
pub(crate) mod escape;
mod extra;
mod identity;
mod plain;
mod unique_id;

pub(crate) use clock::Clock;
pub(crate) use identity::{Identity, Names};
pub(crate) use plain::{Pairs, Plain, write_plain};
#[cfg(any(feature = "tower", feature = "reqwest"))]
pub(crate) use unique_id::unique_number;
pub(crate) use unique_id::{UniqueIds, random, unique_id};

use crate::callsite::{BEFORE_TYPE, Facts, Place};
use crate::capture::Captured;
use crate::constancy::Constancy;
use crate::counts::LossReason;
use crate::failure::Origin;
use crate::fields::Column;
use crate::format;
use crate::span::SpanNode;
use crate::type_name::UNKNOWN;
use log_center_wire::{EventKind, Level};
use std::ops::Range;

/// `msg` of a record whose event says nothing but that there was an error, as `#[instrument(err)]` does.
const UNNAMED_ERROR: &[u8] = b"error";

/// `msg` of the record that stands in a request for those that are missing.
const GAP: &str = "request records missing";

/// A line that has come as far as its message.
pub(crate) struct Draft<'a> {
    line: &'a mut Vec<u8>,
    /// Where the message begins.
    start: usize,
    /// Of the message, if there is one.
    origin: Option<format::Origin>,
}

impl<'a> Draft<'a> {
    /// The base fields up to the message; the time is now.
    #[inline]
    pub(crate) fn begin(line: &'a mut Vec<u8>, identity: &Identity, level: Level, clock: &mut Clock) -> Self {
        write_head(line, identity, level, clock);
        let start = line.len();
        Self { line, start, origin: None }
    }

    /// The same in the name of this process, which may be a forked child; the time is as it was.
    #[cold]
    pub(crate) fn begin_again(self, identity: &Identity, level: Level, clock: &Clock) -> Self {
        self.line.clear();
        write_head_at(self.line, identity, level, clock.told());
        let start = self.line.len();
        Self { start, ..self }
    }

    /// One that is not to become a line: spans have no message.
    #[inline]
    pub(crate) fn none(line: &'a mut Vec<u8>) -> Self {
        Self { line, start: 0, origin: None }
    }

    /// Writes the message, escaped; once more replaces it.
    #[inline]
    pub(crate) fn write_message(&mut self, write: impl FnOnce(&mut Vec<u8>) -> format::Origin) {
        self.line.truncate(self.start);
        let origin = write(self.line);
        self.origin = Some(origin);
    }

    /// Whether the callsite has just been seen to format data into its message, for the first time.
    #[inline]
    pub(crate) fn breaks(&self, constancy: &Constancy) -> bool {
        self.origin.is_some_and(|origin| constancy.is_broken_by(origin, &self.line[self.start..]))
    }

    /// The rest of the line, with its line feed.
    #[inline]
    pub(crate) fn finish(
        self,
        captured: &mut Captured,
        ids: &mut UniqueIds,
        identity: &Identity,
        facts: &Facts,
        span: Option<&SpanNode>,
    ) {
        let Self { line, start, origin } = self;
        if origin.is_none() && captured.failure.origin != Origin::Nowhere {
            line.extend_from_slice(UNNAMED_ERROR);
        }
        let message = start..line.len();
        line.push(b'"');
        let in_request = span.is_some_and(|span| write_columns(line, span));
        if !facts.is_biz {
            write_scope(line, in_request, captured.event());
        }
        line.extend_from_slice(&facts.members);
        line.extend_from_slice(identity.tail());
        if facts.fails {
            // An ERROR has just made sure that the identity is this process's.
            write_event_id(line, captured, ids.next(identity.pid()));
            write_error(line, &message, captured, &facts.place);
        }
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(hop) = &captured.hop {
            line.extend_from_slice(&hop.columns);
            // A failing call is not an ERROR, and has its `err` all the same.
            if !facts.fails && captured.failure.origin != Origin::Nowhere {
                write_error(line, &message, captured, &facts.place);
            }
        }
        extra::write(line, captured, span, facts.style.settings.extra_as_object);
        line.extend_from_slice(b"}\n");
    }
}

/// Writes the line that stands in a request for so many records that are missing, before the line `next`.
pub(crate) fn write_gap(
    line: &mut Vec<u8>,
    identity: &Identity,
    next: &[u8],
    span: &SpanNode,
    missing: usize,
) {
    line.extend_from_slice(identity.head(Level::Warn));
    match identity.time_in(next) {
        Some(time) => line.extend_from_slice(time),
        None => line.extend_from_slice(Clock::default().now()),
    }
    line.push(b'"');
    push_string(line, "msg", GAP.as_bytes());
    let in_request = write_columns(line, span);
    write_scope(line, in_request, EventKind::Trace);
    line.extend_from_slice(identity.tail());
    let mut extra = Pairs::of(span.style());
    extra.number(LossReason::RecorderFull.as_str(), missing as u64);
    extra.write(line);
    line.extend_from_slice(b"}\n");
}

/// Up to the message, its quote included.
#[inline]
fn write_head(line: &mut Vec<u8>, identity: &Identity, level: Level, clock: &mut Clock) {
    write_head_at(line, identity, level, clock.now());
}

fn write_head_at(line: &mut Vec<u8>, identity: &Identity, level: Level, time: &[u8]) {
    line.extend_from_slice(identity.head(level));
    line.extend_from_slice(time);
    line.extend_from_slice(b"\",\"msg\":\"");
}

#[inline]
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
    let Some(fields) = fields.get() else { return false };
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
        let Some(fields) = fields.get() else { continue };
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

#[inline]
fn write_event_id(line: &mut Vec<u8>, captured: &Captured, new: &[u8; 32]) {
    line.extend_from_slice(b",\"event_id\":\"");
    // The same in each record of one panic, so that it counts once.
    line.extend_from_slice(captured.failure.panic.as_ref().map_or(new, |panic| &panic.event_id));
    line.push(b'"');
}

/// `err`: what a field told, else what the message says; the place is the event's own, or the panic's.
#[inline]
fn write_error(line: &mut Vec<u8>, message: &Range<usize>, captured: &mut Captured, place: &Place) {
    let told;
    let place = if captured.log_file.is_empty() {
        place
    } else {
        told = Place::new(&captured.log_file, captured.log_line);
        &told
    };
    let failure = &mut captured.failure;
    failure.finish();
    let of_panic =
        failure.panic.as_ref().map(|panic| Place::of_panic(&panic.file, panic.line, panic.trace()));
    let place = of_panic.as_ref().unwrap_or(place);
    line.extend_from_slice(b",\"err\":{\"msg\":\"");
    let error_type = if failure.origin == Origin::Nowhere {
        line.extend_from_within(message.clone());
        line.extend_from_slice(b"\",\"stack\":\"");
        line.extend_from_slice(UNKNOWN.as_bytes());
        line.extend_from_slice(b": ");
        line.extend_from_within(message.clone());
        UNKNOWN.as_bytes()
    } else {
        line.extend_from_slice(failure.message());
        line.extend_from_slice(b"\",\"stack\":\"");
        line.extend_from_slice(failure.error_type.as_bytes());
        line.extend_from_slice(b": ");
        line.extend_from_slice(failure.message_and_causes());
        failure.error_type.as_bytes()
    };
    if failure.trace.is_empty() {
        line.extend_from_slice(&place.before_type);
    } else {
        line.extend_from_slice(place.frame());
        failure.write_trace(line);
        line.extend_from_slice(BEFORE_TYPE);
    }
    line.extend_from_slice(error_type);
    line.extend_from_slice(&place.after_type);
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
