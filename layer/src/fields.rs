//! The fields of an event or a span, rendered as they will stand in a line, so that a line takes them over whole.

use crate::callsite::Key;
use crate::limits::{CLIENT_TEXT_BYTES, EXTRA_FIELDS, KEPT_BUFFER_BYTES};
use crate::line::escape::push_json;
use log_center_wire::limits::{CLIENT_ID_BYTES, REQUEST_ID_CHARS};
use std::ops::Range;

/// A piece of a text. Every text here is bounded far below what 32 bits count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    start: u32,
    end: u32,
}

impl Piece {
    #[inline]
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        // Pieces are made from the text that they are asked of; a stranger's would be empty, not a panic.
        text.get(self.range()).unwrap_or_default()
    }

    #[inline]
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn moved_up(self, gone: Piece) -> Self {
        let length = gone.end - gone.start;
        let moved = |position: u32| if position >= gone.end { position - length } else { position };
        Self { start: moved(self.start), end: moved(self.end) }
    }
}

impl From<Range<usize>> for Piece {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }
}

/// One `key=value` of `extra`, escaped, with what separates it from the pair before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) whole: Piece,
    pub(crate) key: u32,
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
    pub(crate) const COUNT: usize = Self::IDS.len() + Self::CLIENT.len();
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

    /// What stands before the value.
    #[inline]
    const fn opening(self) -> &'static [u8] {
        match self {
            Column::ReqId => b",\"req_id\":\"",
            Column::Rrdid => b",\"rrdid\":\"",
            Column::Uid => b",\"uid\":\"",
            Column::SpanId => b",\"span_id\":\"",
            Column::ParentId => b",\"parent_id\":\"",
            Column::Url => b",\"url\":\"",
            Column::Ip => b",\"ip\":\"",
            Column::Ua => b",\"ua\":\"",
        }
    }

    /// Its place in [`Fields::said`].
    #[inline]
    const fn bit(self) -> u8 {
        const { assert!(Column::COUNT <= u8::BITS as usize, "a column has no bit in `Fields::said`") };
        1 << self as usize
    }

    #[inline]
    pub(crate) const fn is_client(self) -> bool {
        matches!(self, Column::Url | Column::Ip | Column::Ua)
    }

    /// What the server would take. A value that it would refuse goes to `extra`, so that it costs nobody the record.
    #[inline(never)]
    pub(crate) fn takes(self, value: &str) -> bool {
        match self {
            Column::ReqId => {
                // Without a branch for each byte the compiler makes vectors of it.
                let is_graphic = value.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
                value.len() <= REQUEST_ID_CHARS && is_graphic
            }
            Column::SpanId | Column::ParentId => {
                value.is_empty() || (value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
            }
            Column::Rrdid | Column::Uid => value.len() <= CLIENT_ID_BYTES,
            Column::Url | Column::Ip | Column::Ua => true,
        }
    }
}

/// What one event or one span says, each column and each key once: the last value.
#[derive(Default)]
pub(crate) struct Fields {
    /// `,"req_id":"…","uid":"…"`
    ids: Vec<u8>,
    /// `,"url":"…","ip":"…"`
    client: Vec<u8>,
    /// The places of the columns in one of these; empty for one that was said to be empty.
    columns: [Piece; Column::COUNT],
    /// Which columns anything was said of, as bits.
    said: u8,
    /// ` key=value key=value`
    extra: Vec<u8>,
    pairs: Vec<Pair>,
    /// The marks of all keys.
    marks: u64,
}

impl Fields {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.client.clear();
        self.said = 0;
        self.extra.clear();
        self.pairs.clear();
        self.marks = 0;
    }

    /// Whether the buffers have grown larger than what is kept for the next use.
    #[inline]
    pub(crate) fn is_oversized(&self) -> bool {
        let Self { ids, client, extra, .. } = self;
        (ids.capacity() | client.capacity() | extra.capacity()) > KEPT_BUFFER_BYTES
    }

    /// The columns that stand in the record itself, each with a comma before it.
    pub(crate) fn ids(&self) -> &[u8] {
        &self.ids
    }

    /// The members of `d`, each with a comma before it.
    pub(crate) fn client(&self) -> &[u8] {
        &self.client
    }

    /// A column with its name and a comma before it; empty if it was said to be empty.
    pub(crate) fn column(&self, column: Column) -> Option<&[u8]> {
        let text = if column.is_client() { &self.client } else { &self.ids };
        (self.said & column.bit() != 0).then(|| self.columns[column as usize].of(text))
    }

    /// All pairs, each with a space before it.
    pub(crate) fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The pairs one by one, as pieces of [`extra`](Self::extra).
    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// A set that holds every key, and perhaps others: two whose marks have no bit in common share no key.
    pub(crate) fn marks(&self) -> u64 {
        self.marks
    }

    /// Keeps the value of a column; an empty one says that there is none.
    #[inline]
    pub(crate) fn set_column(&mut self, column: Column, value: &str) {
        self.replace_column(column, |text| {
            if !value.is_empty() {
                text.extend_from_slice(column.opening());
                push_json(text, value, CLIENT_TEXT_BYTES);
                text.push(b'"');
            }
        });
    }

    /// The same for a value that is not empty and needs no escapes.
    #[inline]
    pub(crate) fn set_clean_column(&mut self, column: Column, value: &str) {
        self.replace_column(column, |text| {
            text.extend_from_slice(column.opening());
            text.extend_from_slice(value.as_bytes());
            text.push(b'"');
        });
    }

    #[inline]
    fn replace_column(&mut self, column: Column, write: impl FnOnce(&mut Vec<u8>)) {
        if self.said & column.bit() != 0 {
            self.remove_column(column);
        }
        let text = if column.is_client() { &mut self.client } else { &mut self.ids };
        let start = text.len();
        write(text);
        self.columns[column as usize] = (start..text.len()).into();
        self.said |= column.bit();
    }

    #[cold]
    fn remove_column(&mut self, column: Column) {
        let text = if column.is_client() { &mut self.client } else { &mut self.ids };
        let gone = self.columns[column as usize];
        text.drain(gone.range());
        let neighbours = if column.is_client() { &Column::CLIENT[..] } else { &Column::IDS[..] };
        for &neighbour in neighbours {
            // A place that nothing was said of is made before it is looked at.
            let piece = &mut self.columns[neighbour as usize];
            *piece = piece.moved_up(gone);
        }
    }

    /// Keeps an extra field; the same key once more replaces it. Whether there was room.
    #[inline]
    pub(crate) fn push_pair(&mut self, key: &Key, write_value: impl FnOnce(&mut Vec<u8>)) -> bool {
        let same = if self.marks & key.mark == 0 { None } else { self.position(key.id) };
        if same.is_none() && self.pairs.len() >= EXTRA_FIELDS {
            return false;
        }
        let start = self.extra.len();
        self.extra.extend_from_slice(&key.opening);
        write_value(&mut self.extra);
        self.pairs.push(Pair { whole: (start..self.extra.len()).into(), key: key.id });
        self.marks |= key.mark;
        if let Some(index) = same {
            self.remove(index);
        }
        true
    }

    #[cold]
    fn position(&self, key: u32) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.key == key)
    }

    /// Takes a pair out of the text and moves everything behind it up, so that a value recorded a million times
    /// takes the room of one.
    #[cold]
    fn remove(&mut self, index: usize) {
        let gone = self.pairs.remove(index).whole;
        self.extra.drain(gone.range());
        for pair in &mut self.pairs {
            pair.whole = pair.whole.moved_up(gone);
        }
    }

    /// Adds what was said later; what these said before under the same name is gone.
    pub(crate) fn update(&mut self, later: &Fields) {
        for column in Column::IDS.into_iter().chain(Column::CLIENT) {
            if let Some(said) = later.column(column) {
                self.replace_column(column, |text| text.extend_from_slice(said));
            }
        }
        for pair in &later.pairs {
            let same = if self.marks & later.marks == 0 { None } else { self.position(pair.key) };
            if same.is_none() && self.pairs.len() >= EXTRA_FIELDS {
                continue;
            }
            let start = self.extra.len();
            self.extra.extend_from_slice(pair.whole.of(&later.extra));
            self.pairs.push(Pair { whole: (start..self.extra.len()).into(), key: pair.key });
            if let Some(index) = same {
                self.remove(index);
            }
        }
        self.marks |= later.marks;
    }
}
