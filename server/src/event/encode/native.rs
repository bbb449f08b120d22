use super::{Columns, push_string, push_varint};
use crate::event::columns::{BATCH, COLUMNS};
use crate::event::kind::WORD;
use hashbrown::HashMap;
use std::ops::Range;

/// Collects rows into one block of ClickHouse's `Native` format: column by column, the values of a
/// `LowCardinality(String)` as a dictionary and the places in it. ClickHouse takes such a block at less than half of
/// what the same rows cost it one by one, because it has neither to read value by value nor to look words up.
///
/// ```text
/// column     = name, type, values
/// words      = version u64 = 1, flags u64, size u64, string*, rows u64, place*      places as wide as the size asks for
/// nullable   = u8 per row (1 = null), value per row
/// ```
/// Numbers are little-endian, lengths of strings LEB128. Source: the format's page in ClickHouse's documentation.
pub(crate) struct NativeBlock {
    columns: Vec<Column>,
    /// Which column the next value belongs to.
    next: usize,
    rows: usize,
}

enum Column {
    Plain(Vec<u8>),
    Words(Box<Words>),
    Nullable { nulls: Vec<u8>, values: Vec<u8> },
}

#[derive(Default)]
struct Words {
    /// The strings, each with its length.
    dictionary: Vec<u8>,
    /// Where each of them stands there.
    ranges: Vec<Range<usize>>,
    places: HashMap<Box<str>, u32>,
    rows: Vec<u32>,
    /// Words that came of late. Most columns have a handful, and looking one up here takes no comparison of texts.
    recent: [Recent; RECENT_WORDS],
}

/// A word and its place, known by what [`Ends`] says.
#[derive(Clone, Copy)]
struct Recent {
    ends: Ends,
    place: u32,
}

/// Length, first and last bytes of a word: all of it up to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    first: u64,
    last: u64,
    len: usize,
}

/// A power of two.
const RECENT_WORDS: usize = 8;

/// What a `LowCardinality` column begins with: its own dictionary comes along.
const WORDS_VERSION: u64 = 1;

/// The dictionary stands in the block and replaces any earlier one.
const WORDS_FLAGS: u64 = 1 << 9 | 1 << 10;

impl NativeBlock {
    pub(crate) fn new() -> Self {
        let column = |column: &crate::event::Column| match column.sql_type {
            WORD => Column::Words(Box::default()),
            kind if kind.starts_with("Nullable") => {
                Column::Nullable { nulls: Vec::new(), values: Vec::new() }
            }
            _ => Column::Plain(Vec::new()),
        };
        Self { columns: COLUMNS.iter().map(column).collect(), next: 0, rows: 0 }
    }

    /// How many columns there are, without `batch` and `ordinal`.
    pub(crate) fn columns(&self) -> u8 {
        // The table is checked to have fewer than 256.
        self.columns.len() as u8
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns with their names and types: a block without its first two numbers, those of columns and rows.
    pub(crate) fn finish(self) -> Vec<u8> {
        let rows = self.rows;
        let mut out = Vec::with_capacity(self.columns.iter().map(|column| column.size(rows)).sum());
        for (column, values) in COLUMNS.iter().zip(&self.columns) {
            push_string(&mut out, column.name);
            push_string(&mut out, column.sql_type);
            match values {
                Column::Plain(values) => out.extend_from_slice(values),
                Column::Words(words) => words.write(&mut out),
                Column::Nullable { nulls, values } => {
                    out.extend_from_slice(nulls);
                    out.extend_from_slice(values);
                }
            }
        }
        out
    }

    fn plain(&mut self, bytes: &[u8]) -> &mut Self {
        if let Column::Plain(values) = &mut self.columns[self.next] {
            values.extend_from_slice(bytes);
        }
        self.advance()
    }

    fn advance(&mut self) -> &mut Self {
        self.next += 1;
        if self.next == self.columns.len() {
            self.next = 0;
            self.rows += 1;
        }
        self
    }
}

/// Where the values of the first column of the table, which is `time`, begin in what [`NativeBlock::finish`] gave: behind its
/// name and its type, each with its length.
pub(crate) const NATIVE_TIME_AT: usize = 1 + COLUMNS[0].name.len() + 1 + COLUMNS[0].sql_type.len();

/// The block's first two numbers and its column `batch`, which go before what [`NativeBlock::finish`] gave. `columns` are
/// those of that; `ordinal` goes behind it.
pub(crate) fn push_head(out: &mut Vec<u8>, columns: usize, rows: usize, batch: u64) {
    push_varint(out, columns + 2);
    push_varint(out, rows);
    push_numbers(out, BATCH, std::iter::repeat_n(batch.to_le_bytes(), rows));
}

/// A column of numbers, each given as its little-endian bytes.
pub(crate) fn push_numbers<const N: usize>(
    out: &mut Vec<u8>,
    (name, sql_type): (&str, &str),
    numbers: impl Iterator<Item = [u8; N]>,
) {
    push_string(out, name);
    push_string(out, sql_type);
    for number in numbers {
        out.extend_from_slice(&number);
    }
}

impl Column {
    /// About how many bytes it will take.
    fn size(&self, rows: usize) -> usize {
        let head = 64;
        head + match self {
            Column::Plain(values) => values.len(),
            Column::Words(words) => words.dictionary.len() + 4 * rows,
            Column::Nullable { nulls, values } => nulls.len() + values.len(),
        }
    }
}

impl Default for Recent {
    fn default() -> Self {
        // As long as no word is.
        Self { ends: Ends { first: 0, last: 0, len: usize::MAX }, place: 0 }
    }
}

impl Ends {
    fn of(word: &[u8]) -> Self {
        let len = word.len();
        let (first, last) = match (word, word.first_chunk::<8>(), word.last_chunk::<8>()) {
            (_, Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            (short, ..) => (short.iter().fold(0, |packed, byte| packed << 8 | u64::from(*byte)), 0),
        };
        Self { first, last, len }
    }

    /// Where it is kept among the recent ones. The factor is that of Fibonacci hashing, 2^64 / φ.
    fn slot(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(23) ^ self.len as u64;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - RECENT_WORDS.ilog2())) as usize
    }
}

impl Words {
    fn push(&mut self, word: &str) {
        let ends = Ends::of(word.as_bytes());
        let slot = ends.slot();
        let recent = self.recent[slot];
        let is_same = recent.ends == ends
            && (ends.len <= 16
                || self.dictionary[self.ranges[recent.place as usize].clone()] == *word.as_bytes());
        let place = if is_same { recent.place } else { self.place(word) };
        self.recent[slot] = Recent { ends, place };
        self.rows.push(place);
    }

    fn place(&mut self, word: &str) -> u32 {
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        // A batch has some thousand rows at most.
        let place = self.ranges.len() as u32;
        self.places.insert(word.into(), place);
        push_string(&mut self.dictionary, word);
        let end = self.dictionary.len();
        self.ranges.push(end - word.len()..end);
        place
    }

    fn write(&self, out: &mut Vec<u8>) {
        let size = self.places.len();
        let (width, kind) = match size {
            0..=0xff => (1, 0),
            0x100..=0xffff => (2, 1),
            _ => (4, 2),
        };
        out.extend_from_slice(&WORDS_VERSION.to_le_bytes());
        out.extend_from_slice(&(WORDS_FLAGS | kind).to_le_bytes());
        out.extend_from_slice(&(size as u64).to_le_bytes());
        out.extend_from_slice(&self.dictionary);
        out.extend_from_slice(&(self.rows.len() as u64).to_le_bytes());
        for place in &self.rows {
            out.extend_from_slice(&place.to_le_bytes()[..width]);
        }
    }
}

impl Columns for NativeBlock {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.plain(&[value])
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.plain(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.plain(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.plain(&value.to_le_bytes())
    }

    fn i64(&mut self, value: i64) -> &mut Self {
        self.plain(&value.to_le_bytes())
    }

    fn fixed(&mut self, value: &[u8; 16]) -> &mut Self {
        self.plain(value)
    }

    fn string(&mut self, value: &str) -> &mut Self {
        if let Column::Plain(values) = &mut self.columns[self.next] {
            push_string(values, value);
        }
        self.advance()
    }

    fn word(&mut self, value: &str) -> &mut Self {
        if let Column::Words(words) = &mut self.columns[self.next] {
            words.push(value);
        }
        self.advance()
    }

    fn nullable<const N: usize>(&mut self, value: Option<[u8; N]>) -> &mut Self {
        if let Column::Nullable { nulls, values } = &mut self.columns[self.next] {
            nulls.push(u8::from(value.is_none()));
            values.extend_from_slice(&value.unwrap_or([0; N]));
        }
        self.advance()
    }
}

#[cfg(test)]
mod tests {
    use super::Words;
    use proptest::prelude::*;

    proptest! {
        // Few letters and lengths around those that are told apart without a comparison.
        #[test]
        fn each_row_has_its_own_word(words in prop::collection::vec("a{0,9}[ab]{0,3}a{0,9}", 1..200)) {
            let mut column = Words::default();
            for word in &words {
                column.push(word);
            }
            let read = |place: &u32| &column.dictionary[column.ranges[*place as usize].clone()];
            for (place, word) in column.rows.iter().zip(&words) {
                prop_assert_eq!(read(place), word.as_bytes());
            }
            prop_assert_eq!(column.rows.len(), words.len());
            prop_assert_eq!(column.ranges.len(), column.places.len());
        }
    }
}
