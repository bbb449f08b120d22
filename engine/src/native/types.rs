use super::reader::Reader;
use crate::exception::{Exception, Kind};

/// How the values of a type lie in a column of `Native`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// So many bytes each.
    Fixed(usize),
    /// Each with its length before it.
    Text,
    /// A byte each that says whether there is none, then as if there were one everywhere.
    Nullable(Box<Type>),
    /// Where each array ends, then the elements of all.
    Array(Box<Type>),
    /// One column after the other.
    Tuple(Vec<Type>),
    /// The values that there are, then which of them.
    LowCardinality(Box<Type>),
}

/// Flags of a `LowCardinality` column: bytes of an index as a power of two, a dictionary that several blocks
/// share (never in `Native`), a dictionary of its own.
const INDEX_WIDTH: u64 = 0xff;
const SHARED_DICTIONARY: u64 = 0x100;
const OWN_DICTIONARY: u64 = 0x200;

impl Type {
    /// Of its name as ClickHouse writes it; `None` if its values cannot be told apart here.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let (base, arguments) = match name.split_once('(') {
            Some((base, rest)) => (base, split(rest.strip_suffix(')')?)),
            None => (name, Vec::new()),
        };
        let first = || arguments.first().and_then(|argument| Self::parse(argument)).map(Box::new);
        Some(match base {
            "UInt8" | "Int8" | "Bool" | "Enum8" | "Nothing" => Self::Fixed(1),
            "UInt16" | "Int16" | "Date" | "Enum16" | "BFloat16" => Self::Fixed(2),
            "UInt32" | "Int32" | "Float32" | "Date32" | "DateTime" | "Time" | "IPv4" => Self::Fixed(4),
            "UInt64" | "Int64" | "Float64" | "DateTime64" | "Time64" => Self::Fixed(8),
            "UInt128" | "Int128" | "UUID" | "IPv6" => Self::Fixed(16),
            "UInt256" | "Int256" => Self::Fixed(32),
            "Decimal" => Self::Fixed(match arguments.first()?.parse().ok()? {
                0..=9 => 4,
                10..=18 => 8,
                19..=38 => 16,
                39..=76 => 32,
                _ => return None,
            }),
            "FixedString" => Self::Fixed(arguments.first()?.parse().ok()?),
            "String" => Self::Text,
            "Nullable" => Self::Nullable(first()?),
            "Array" => Self::Array(first()?),
            "LowCardinality" => Self::LowCardinality(match *first()? {
                Self::Nullable(inner) => inner,
                inner => Box::new(inner),
            }),
            "Tuple" if !arguments.is_empty() => Self::Tuple(elements(&arguments)?),
            "Map" => Self::Array(Box::new(Self::Tuple(elements(&arguments)?))),
            "Nested" => Self::Array(Box::new(Self::Tuple(elements(&arguments)?))),
            "SimpleAggregateFunction" => Self::parse(arguments.last()?)?,
            "Point" => Self::Tuple(vec![Self::Fixed(8), Self::Fixed(8)]),
            "Ring" | "LineString" => Self::Array(Box::new(Self::parse("Point")?)),
            "Polygon" | "MultiLineString" => Self::Array(Box::new(Self::parse("Ring")?)),
            "MultiPolygon" => Self::Array(Box::new(Self::parse("Polygon")?)),
            _ if base.starts_with("Interval") => Self::Fixed(8),
            _ => return None,
        })
    }

    /// Skips what stands before the data of the whole column.
    pub(super) fn skip_prefix(&self, reader: &mut Reader<'_>) -> Result<(), Exception> {
        match self {
            Self::Fixed(_) | Self::Text => Ok(()),
            Self::Nullable(inner) | Self::Array(inner) => inner.skip_prefix(reader),
            Self::Tuple(elements) => elements.iter().try_for_each(|element| element.skip_prefix(reader)),
            // The version of the layout.
            Self::LowCardinality(_) => reader.word().map(drop),
        }
    }

    /// Skips so many values.
    pub(super) fn skip(&self, reader: &mut Reader<'_>, rows: usize) -> Result<(), Exception> {
        match self {
            Self::Fixed(bytes) => reader.take(rows, *bytes).map(drop),
            Self::Text => (0..rows).try_for_each(|_| reader.text().map(drop)),
            Self::Nullable(inner) => {
                reader.take(rows, 1)?;
                inner.skip(reader, rows)
            }
            Self::Array(inner) => {
                let Some(before_last) = rows.checked_sub(1) else { return Ok(()) };
                reader.take(before_last, 8)?;
                let elements = reader.count()?;
                inner.skip(reader, elements)
            }
            Self::Tuple(elements) => elements.iter().try_for_each(|element| element.skip(reader, rows)),
            Self::LowCardinality(inner) => skip_low_cardinality(inner, reader, rows),
        }
    }
}

fn skip_low_cardinality(inner: &Type, reader: &mut Reader<'_>, rows: usize) -> Result<(), Exception> {
    if rows == 0 {
        return Ok(());
    }
    let flags = reader.word()?;
    let width = flags & INDEX_WIDTH;
    if width > 3 || flags & SHARED_DICTIONARY != 0 {
        return Err(Exception::new(Kind::NotImplemented, "a LowCardinality column of this layout"));
    }
    if flags & OWN_DICTIONARY != 0 {
        let keys = reader.count()?;
        inner.skip(reader, keys)?;
    }
    let indexes = reader.count()?;
    reader.take(indexes, 1 << width).map(drop)
}

/// Types of the elements of a tuple, which may have names.
fn elements(arguments: &[&str]) -> Option<Vec<Type>> {
    arguments.iter().map(|argument| Type::parse(without_name(argument))).collect()
}

fn without_name(element: &str) -> &str {
    let end = if element.starts_with('`') {
        quote_end(element, b'`')
    } else {
        element.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(element.len())
    };
    element[end..].strip_prefix(' ').unwrap_or(element)
}

/// Length of a quoted text with its quotes. A backslash takes the next character along.
fn quote_end(text: &str, quote: u8) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote {
            return at + 1;
        }
    }
    text.len()
}

/// What stands between the commas, but for those inside parentheses and quotes.
fn split(arguments: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    while let Some(byte) = arguments.as_bytes().get(at) {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            b'\'' | b'`' => at += quote_end(&arguments[at..], *byte) - 1,
            _ => {}
        }
        at += 1;
    }
    parts.push(arguments[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}
