//! What one event, one new span or one `record()` says: every value formatted and escaped once, kept as pieces of
//! one text.

use crate::failure::Failure;
use crate::fields::{Column, Fields, Piece};
use crate::limits::{KEPT_BUFFER_BYTES, VALUE_BYTES};
use crate::line::escape::push_value;
use log_center_wire::EventKind;

/// What was said, so far.
#[derive(Default)]
pub(crate) struct Captured {
    /// Escaped text: the message and what else is a piece of it.
    pub(crate) text: Vec<u8>,
    /// None if there is no message at all, which an empty one is not.
    pub(crate) message: Option<Piece>,
    pub(crate) fields: Fields,
    /// Fields that found no room.
    pub(crate) dropped: usize,
    /// What becomes `err`.
    pub(crate) failure: Failure,
    /// Where a value is formatted before it is known how to write it.
    pub(crate) raw: String,
    /// Keys already in the line under construction.
    pub(crate) keys_in_line: Vec<Piece>,
    /// What only this crate's own records have. Whoever does not know its type cannot make one.
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) hop: Option<Hop>,
}

/// What a record says of a hop of the request.
#[cfg(any(feature = "tower", feature = "reqwest"))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    pub(crate) event: EventKind,
    /// `,"tm":…,"service_req":…` as it goes into the line.
    pub(crate) columns: Piece,
}

impl Captured {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.message = None;
        self.fields.clear();
        self.dropped = 0;
        self.failure.clear();
        self.raw.clear();
        self.keys_in_line.clear();
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        {
            self.hop = None;
        }
    }

    /// Gives back what one huge event took.
    pub(crate) fn shrink(&mut self) {
        let oversized = (self.text.capacity() | self.raw.capacity()) > KEPT_BUFFER_BYTES;
        if oversized || self.fields.is_oversized() || self.failure.is_oversized() {
            *self = Self::default();
        }
    }

    /// What a record in a request says it is: the application's own word, if it is not one of this crate's.
    pub(crate) fn event(&self) -> EventKind {
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(hop) = self.hop {
            return hop.event;
        }
        EventKind::Trace
    }

    /// The message, escaped; empty if there is none.
    pub(crate) fn message(&self) -> &[u8] {
        self.message.unwrap_or_default().of(&self.text)
    }

    /// Keeps an extra field. The same key once more replaces it.
    pub(crate) fn push_pair(&mut self, name: &str, value: &str) {
        self.pair(name, |text| push_value(text, value, VALUE_BYTES));
    }

    /// The same for a value that needs neither quotes nor escapes: a number, a truth value.
    pub(crate) fn push_plain_pair(&mut self, name: &str, value: &str) {
        self.pair(name, |text| text.extend_from_slice(value.as_bytes()));
    }

    fn pair(&mut self, name: &str, write_value: impl FnOnce(&mut Vec<u8>)) {
        if !self.fields.push_pair(name, write_value) {
            self.dropped += 1;
        }
    }

    /// Keeps the value of a column; an empty one says that there is none.
    pub(crate) fn push_column(&mut self, column: Column, value: &str) {
        if column.takes(value) {
            self.fields.set_column(column, value);
        } else {
            self.push_pair(column.name(), value);
        }
    }
}
