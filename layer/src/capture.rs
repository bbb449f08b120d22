//! What one event, one new span or one `record()` says beside its message: every value formatted and escaped once,
//! kept as pieces of a text.

use crate::callsite::Key;
#[cfg(any(feature = "tower", feature = "reqwest"))]
use crate::callsite::Style;
use crate::failure::Failure;
use crate::fields::{Column, Fields};
use crate::limits::{KEPT_BUFFER_BYTES, VALUE_BYTES};
use crate::line::escape::{is_bare_ascii, push_string, push_value};
use log_center_wire::EventKind;
use log_center_wire::limits::REQUEST_ID_CHARS;
use std::time::Duration;

/// What was said, so far.
#[derive(Default)]
pub(crate) struct Captured {
    /// In a box, so that a span takes it over as a pointer.
    pub(crate) fields: Box<Fields>,
    /// Fields that found no room.
    pub(crate) dropped: usize,
    /// What becomes `err`.
    pub(crate) failure: Failure,
    /// Where in the program an event of the `log` crate comes from; empty for every other.
    pub(crate) log_file: String,
    pub(crate) log_line: u32,
    /// Where a value is formatted before it is known how to write it.
    pub(crate) raw: String,
    /// Keys already in the line under construction, by their ids.
    pub(crate) keys_in_line: Vec<u32>,
    /// What only this crate's own records have. Whoever does not know its type cannot make one.
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) hop: Option<Hop>,
}

/// What a record says of a hop of the request.
#[cfg(any(feature = "tower", feature = "reqwest"))]
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) event: EventKind,
    /// `,"tm":…,"service_req":…` as it goes into the line.
    pub(crate) columns: Vec<u8>,
    /// What a request took, if it has ended.
    pub(crate) tm: Option<Duration>,
}

impl Captured {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        self.dropped = 0;
        self.failure.clear();
        self.failure.trace.clear();
        self.keys_in_line.clear();
        self.log_file.clear();
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        {
            self.hop = None;
        }
    }

    /// Gives back what one huge event took.
    #[inline]
    pub(crate) fn shrink(&mut self) {
        let oversized = self.raw.capacity() > KEPT_BUFFER_BYTES;
        if oversized || self.fields.is_oversized() || self.failure.is_oversized() {
            *self = Self::default();
        }
    }

    /// What a record in a request says it is: the application's own word, if it is not one of this crate's.
    #[inline]
    pub(crate) fn event(&self) -> EventKind {
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(hop) = &self.hop {
            return hop.event;
        }
        EventKind::Trace
    }

    /// How long a record says that a request took.
    pub(crate) fn tm(&self) -> Option<Duration> {
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(hop) = &self.hop {
            return hop.tm;
        }
        None
    }

    /// Keeps an extra field. The same key once more replaces it.
    #[inline]
    pub(crate) fn push_pair(&mut self, key: &Key, value: &str) {
        self.pair(key, |text| {
            if key.in_object {
                push_string(text, value);
            } else {
                push_value(text, value, VALUE_BYTES);
            }
        });
    }

    /// The same for a value that is JSON as it is, and needs no quotes elsewhere: a number, a truth value.
    #[inline]
    pub(crate) fn push_plain_pair(&mut self, key: &Key, value: &str) {
        self.pair(key, |text| text.extend_from_slice(value.as_bytes()));
    }

    /// The same under a name that comes from no callsite.
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) fn push_named(&mut self, style: &Style, name: &str, value: &str) {
        // Those of this crate's own that are numbers.
        if matches!(name, "status" | "bytes") && value.parse::<u64>().is_ok() {
            self.push_plain_pair(style.key(name), value);
        } else {
            self.push_pair(style.key(name), value);
        }
    }

    #[inline]
    fn pair(&mut self, key: &Key, write_value: impl FnOnce(&mut Vec<u8>)) {
        if !self.fields.push_pair(key, write_value) {
            self.dropped += 1;
        }
    }

    /// Keeps the value of a column; an empty one says that there is none. What the column does not take is a pair.
    #[inline(never)]
    pub(crate) fn push_column(&mut self, column: Column, key: &Key, value: &str) {
        if column.is_client() || column.takes(value) {
            self.fields.set_column(column, value);
        } else {
            self.push_pair(key, value);
        }
    }

    /// The same for the request's id.
    #[inline(never)]
    pub(crate) fn push_req_id(&mut self, key: &Key, value: &str) {
        // Nearly every one needs neither a closer look nor escapes.
        if (1..=REQUEST_ID_CHARS).contains(&value.len()) && is_bare_ascii(value) {
            self.fields.set_clean_column(Column::ReqId, value);
        } else {
            self.push_column(Column::ReqId, key, value);
        }
    }
}
