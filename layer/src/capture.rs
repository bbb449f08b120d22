//! What one event, one new span or one `record()` says: every value formatted and escaped once, kept as pieces of
//! one text.

use crate::failure::Failure;
use crate::limits::{CLIENT_TEXT_BYTES, EXTRA_FIELDS, KEPT_BUFFER_BYTES, VALUE_BYTES};
use crate::line::escape::{push_json, push_key, push_value};
use log_center_wire::limits::{CLIENT_ID_BYTES, REQUEST_ID_CHARS};
use std::ops::Range;

/// A piece of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Piece {
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        // Pieces are made from the text that they are asked of; a stranger's would be empty, not a panic.
        text.get(self.start..self.end).unwrap_or_default()
    }
}

impl From<Range<usize>> for Piece {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// One `key=value` of `extra`, escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) whole: Piece,
    pub(crate) key_end: usize,
}

impl Pair {
    pub(crate) fn key<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        Piece { start: self.whole.start, end: self.key_end }.of(text)
    }
}

/// The columns of the contract that the fields of a span can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Column {
    ReqId,
    Rrdid,
    Uid,
    SpanId,
    ParentId,
    Url,
    Ip,
    Ua,
}

impl Column {
    pub(crate) const COUNT: usize = 8;
    /// Those that stand in the record itself.
    pub(crate) const IDS: [Column; 5] =
        [Column::ReqId, Column::Rrdid, Column::Uid, Column::SpanId, Column::ParentId];
    /// Those that stand in `d`. Their names are so common that they mean the client only in the span that
    /// opens the request: an inner span's `url` is the one that it calls.
    pub(crate) const CLIENT: [Column; 3] = [Column::Url, Column::Ip, Column::Ua];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "req_id" => Column::ReqId,
            "rrdid" => Column::Rrdid,
            "uid" => Column::Uid,
            "span_id" => Column::SpanId,
            "parent_id" => Column::ParentId,
            "url" => Column::Url,
            "ip" => Column::Ip,
            "ua" => Column::Ua,
            _ => return None,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Column::ReqId => "req_id",
            Column::Rrdid => "rrdid",
            Column::Uid => "uid",
            Column::SpanId => "span_id",
            Column::ParentId => "parent_id",
            Column::Url => "url",
            Column::Ip => "ip",
            Column::Ua => "ua",
        }
    }

    /// What the server would take. A value that it would refuse goes to `extra`, so that it costs nobody the record.
    fn takes(self, value: &str) -> bool {
        match self {
            Column::ReqId => {
                value.len() <= REQUEST_ID_CHARS && value.bytes().all(|byte| byte.is_ascii_graphic())
            }
            Column::SpanId | Column::ParentId => {
                value.is_empty() || (value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
            }
            Column::Rrdid | Column::Uid => value.len() <= CLIENT_ID_BYTES,
            Column::Url | Column::Ip | Column::Ua => true,
        }
    }
}

/// What was said, so far.
#[derive(Default)]
pub(crate) struct Captured {
    /// Escaped text; everything below is pieces of it.
    pub(crate) text: Vec<u8>,
    /// None if there is no message at all, which an empty one is not.
    pub(crate) message: Option<Piece>,
    pub(crate) columns: [Option<Piece>; Column::COUNT],
    pub(crate) pairs: Vec<Pair>,
    /// Fields that found no room.
    pub(crate) dropped: usize,
    /// What becomes `err`.
    pub(crate) failure: Failure,
    /// Where a value is formatted before it is known how to write it.
    pub(crate) raw: String,
    /// Keys already in the line under construction.
    pub(crate) keys_in_line: Vec<Piece>,
}

impl Captured {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.message = None;
        self.columns = Default::default();
        self.pairs.clear();
        self.dropped = 0;
        self.failure.clear();
        self.raw.clear();
        self.keys_in_line.clear();
    }

    /// Gives back what one huge event took.
    pub(crate) fn shrink(&mut self) {
        self.clear();
        self.text.shrink_to(KEPT_BUFFER_BYTES);
        self.raw.shrink_to(KEPT_BUFFER_BYTES);
        self.failure.shrink();
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
        let start = self.text.len();
        push_key(&mut self.text, name);
        let key_end = self.text.len();
        let key = &self.text[start..];
        let same = self.pairs.iter().position(|pair| pair.key(&self.text) == key);
        if same.is_none() && self.pairs.len() == EXTRA_FIELDS {
            self.text.truncate(start);
            self.dropped += 1;
            return;
        }
        self.text.push(b'=');
        write_value(&mut self.text);
        let pair = Pair { whole: Piece { start, end: self.text.len() }, key_end };
        match same {
            Some(index) => self.pairs[index] = pair,
            None => self.pairs.push(pair),
        }
    }

    /// Keeps the value of a column; an empty one says that there is none.
    pub(crate) fn push_column(&mut self, column: Column, value: &str) {
        if !column.takes(value) {
            self.push_pair(column.name(), value);
            return;
        }
        let start = self.text.len();
        push_json(&mut self.text, value, CLIENT_TEXT_BYTES);
        self.columns[column as usize] = Some(Piece { start, end: self.text.len() });
    }
}
