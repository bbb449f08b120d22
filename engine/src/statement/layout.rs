//! How the blocks of a streamed answer fit together.
//!
//! libchdb writes each block of a stream as an answer of its own. For a format that is nothing but rows
//! that makes no difference. One with column names repeats them with every block, where they must be cut out.
//! Any other format, a JSON document or a Parquet file, is no longer one; such answers are made whole,
//! in memory.

/// What libchdb repeats in each block of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Nothing.
    Rows,
    /// Names, perhaps types, in so many lines.
    Lines(usize),
    /// The same as CSV, where a quoted name may hold a line end.
    CsvLines(usize),
    /// Names, perhaps types, each with its length before it.
    Binary { types: bool },
    /// A frame around the rows: cannot be streamed.
    Document,
}

impl Layout {
    /// Of a format, by its name in any letter case. Unknown ones count as documents, which is always right.
    pub(crate) fn of(format: &str) -> Self {
        let format = format.to_ascii_lowercase();
        let (base, header_lines) = if let Some(base) = format.strip_suffix("withnamesandtypes") {
            (base, 2)
        } else if let Some(base) = format.strip_suffix("withnames") {
            (base, 1)
        } else {
            (format.as_str(), 0)
        };
        match base {
            "tabseparated"
            | "tabseparatedraw"
            | "tsv"
            | "tsvraw"
            | "raw"
            | "jsoncompacteachrow"
            | "jsoncompactstringseachrow" => match header_lines {
                0 => Self::Rows,
                lines => Self::Lines(lines),
            },
            "csv" => match header_lines {
                0 => Self::Rows,
                lines => Self::CsvLines(lines),
            },
            "rowbinary" => match header_lines {
                0 => Self::Rows,
                lines => Self::Binary { types: lines == 2 },
            },
            "jsoneachrow" | "jsonlines" | "ndjson" | "jsonstringseachrow" | "native" | "tskv" | "msgpack"
            | "bsoneachrow" | "rawblob" | "lineasstring" | "null"
                if header_lines == 0 =>
            {
                Self::Rows
            }
            _ => Self::Document,
        }
    }

    /// Bytes that a block begins with before its first row; `None` if it is not laid out as expected.
    pub(crate) fn header_length(self, block: &[u8]) -> Option<usize> {
        match self {
            Self::Rows | Self::Document => Some(0),
            Self::Lines(count) => after_lines(block, count, false),
            Self::CsvLines(count) => after_lines(block, count, true),
            Self::Binary { types } => after_names(block, types),
        }
    }
}

fn after_lines(block: &[u8], count: usize, quotes: bool) -> Option<usize> {
    let mut quoted = false;
    let mut ends = block.iter().enumerate().filter_map(|(at, byte)| {
        quoted ^= quotes && *byte == b'"';
        (*byte == b'\n' && !quoted).then_some(at + 1)
    });
    ends.nth(count - 1)
}

fn after_names(block: &[u8], types: bool) -> Option<usize> {
    let mut rest = block;
    let columns = take_length(&mut rest)?;
    let texts = if types { columns.checked_mul(2)? } else { columns };
    for _ in 0..texts {
        let length = take_length(&mut rest)?;
        rest = rest.get(length..)?;
    }
    Some(block.len() - rest.len())
}

/// A number in ClickHouse's variable length: seven bits a byte, lowest first.
fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (first, after) = rest.split_first()?;
        *rest = after;
        length |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}
