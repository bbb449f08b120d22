use super::changing;
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
    /// Which of the types each value has, in so many bytes, or none of them; then the values of each type.
    Variant { index_bytes: usize, of: Vec<Type> },
    /// As a variant whose types stand before the data; see [`changing`](super::changing).
    Dynamic,
    /// The paths that have a type, in the order of their names; the others stand before the data.
    Json(Vec<Type>),
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
            "String" | "SharedVariant" => Self::Text,
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
            "Variant" => Self::Variant { index_bytes: 1, of: in_order_of_names(&arguments)? },
            "Dynamic" => Self::Dynamic,
            "JSON" => Self::Json(typed_paths(&arguments)?),
            _ if base.starts_with("Interval") => Self::Fixed(8),
            _ => return None,
        })
    }

    /// Skips what stands before the data of the whole column, and gives the type with what was learnt there.
    pub(super) fn read_prefix(self, reader: &mut Reader<'_>) -> Result<Self, Exception> {
        let inside = |inner: Box<Self>, reader: &mut Reader<'_>| inner.read_prefix(reader).map(Box::new);
        Ok(match self {
            Self::Fixed(_) | Self::Text => self,
            Self::Nullable(inner) => Self::Nullable(inside(inner, reader)?),
            Self::Array(inner) => Self::Array(inside(inner, reader)?),
            Self::Tuple(elements) => Self::Tuple(read_prefixes(elements, reader)?),
            // The version of the layout.
            Self::LowCardinality(_) => {
                reader.word()?;
                self
            }
            Self::Variant { index_bytes, of } => changing::read_variant(index_bytes, of, reader)?,
            Self::Dynamic => changing::read_dynamic(reader)?,
            Self::Json(typed) => changing::read_json(typed, reader)?,
        })
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
            Self::Variant { index_bytes, of } => changing::skip_variant(*index_bytes, of, reader, rows),
            // `read_prefix` leaves none of these.
            Self::Dynamic | Self::Json(_) => Err(super::unknown(b"Dynamic or JSON")),
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

/// What stands before the data of several columns.
pub(super) fn read_prefixes(types: Vec<Type>, reader: &mut Reader<'_>) -> Result<Vec<Type>, Exception> {
    types.into_iter().map(|of| of.read_prefix(reader)).collect()
}

/// Types by their names, in whose order their values lie in a variant.
pub(super) fn in_order_of_names(names: &[&str]) -> Option<Vec<Type>> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.iter().map(|name| Type::parse(name)).collect()
}

/// Types of the paths in `JSON(max_dynamic_paths=8, SKIP a, SKIP REGEXP 'b', c.d UInt8)`, in the order of the paths.
fn typed_paths(arguments: &[&str]) -> Option<Vec<Type>> {
    let mut paths = Vec::new();
    for argument in arguments {
        let is_limit = ["max_dynamic_paths", "max_dynamic_types"]
            .iter()
            .any(|limit| argument.strip_prefix(limit).is_some_and(|rest| rest.trim_start().starts_with('=')));
        if is_limit || argument.starts_with("SKIP ") {
            continue;
        }
        let (path, of) = argument.split_at(path_end(argument));
        paths.push((path.replace('`', ""), Type::parse(of)?));
    }
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(paths.into_iter().map(|(_, of)| of).collect())
}

/// Where a path such as ``a.`b c`.d`` ends.
fn path_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b' ' => return at,
            b'`' => at += quote_end(&text[at..], b'`'),
            _ => at += 1,
        }
    }
    text.len()
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
