//! Columns whose values are of several types: `Variant`, `Dynamic`, `JSON`.
//!
//! ```text
//! Variant   0 (8 bytes)  prefix of each type              | which type each value has, 255 = none; values by type
//! Dynamic   1 (8 bytes)  types at most  number  names     | as a variant of these types and SharedVariant
//!           2                           number  names     | the same
//!           3                           number  names     | which type each value has; values by type, without SharedVariant
//! JSON      0 (8 bytes)  paths at most  number  paths  prefixes  | paths with a type, then the others as Dynamic, then Array(path, value)
//!           2                           number  paths  prefixes  | the same
//!           3                           number  paths  prefixes  | the same without the last
//!           1                                                    | texts
//! ```
//! Numbers are of variable length, types of a variant lie in the order of their names.

use super::reader::Reader;
use super::types::{Type, in_order_of_names, read_prefixes};
use crate::exception::{Exception, Kind};

/// Versions that share a layout but for a number.
const WITH_MOST: [u64; 2] = [0, 1];
/// The version of both that has everything side by side.
const FLATTENED: u64 = 3;

/// ClickHouse's name for values of types that a `Dynamic` has no room for; they are written as texts.
const SHARED: &str = "SharedVariant";

pub(super) fn read_variant(
    index_bytes: usize,
    of: Vec<Type>,
    reader: &mut Reader<'_>,
) -> Result<Type, Exception> {
    // Another mode keeps which type each value has in runs; ClickHouse writes it to disk only.
    if reader.word()? != 0 {
        return Err(layout("Variant"));
    }
    Ok(Type::Variant { index_bytes, of: read_prefixes(of, reader)? })
}

pub(super) fn read_dynamic(reader: &mut Reader<'_>) -> Result<Type, Exception> {
    let version = reader.word()?;
    if version == 0 || version > FLATTENED {
        return Err(layout("Dynamic"));
    }
    if WITH_MOST.contains(&version) {
        reader.number()?;
    }
    let names = read_texts(reader)?;
    if version == FLATTENED {
        let of = names.iter().map(|name| Type::parse(name)).collect::<Option<Vec<_>>>();
        let of = of.ok_or_else(|| super::unknown(names.join(", ").as_bytes()))?;
        let index_bytes = match names.len() {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        return Ok(Type::Variant { index_bytes, of: read_prefixes(of, reader)? });
    }
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push(SHARED);
    let of = in_order_of_names(&all).ok_or_else(|| super::unknown(names.join(", ").as_bytes()))?;
    read_variant(1, of, reader)
}

pub(super) fn read_json(typed: Vec<Type>, reader: &mut Reader<'_>) -> Result<Type, Exception> {
    let version = reader.word()?;
    match version {
        1 => return Ok(Type::Text),
        0 | 2 | FLATTENED => {}
        _ => return Err(layout("JSON")),
    }
    if WITH_MOST.contains(&version) {
        reader.number()?;
    }
    let paths = read_texts(reader)?.len();
    let mut columns = read_prefixes(typed, reader)?;
    for _ in 0..paths {
        columns.push(read_dynamic(reader)?);
    }
    if version != FLATTENED {
        columns.push(Type::Array(Box::new(Type::Tuple(vec![Type::Text, Type::Text]))));
    }
    Ok(Type::Tuple(columns))
}

pub(super) fn skip_variant(
    index_bytes: usize,
    of: &[Type],
    reader: &mut Reader<'_>,
    rows: usize,
) -> Result<(), Exception> {
    let mut counts = vec![0_usize; of.len()];
    for index in reader.take(rows, index_bytes)?.chunks_exact(index_bytes) {
        let index = index.iter().rev().fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
        // Beyond the types: there is no value.
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
    }
    of.iter().zip(counts).try_for_each(|(of, count)| of.skip(reader, count))
}

/// Texts with their number before them.
fn read_texts(reader: &mut Reader<'_>) -> Result<Vec<String>, Exception> {
    let count = reader.number()?;
    // No capacity from a number that may be wrong: each text takes a byte at least.
    (0..count).map(|_| reader.text().map(|text| String::from_utf8_lossy(text).into_owned())).collect()
}

fn layout(of: &str) -> Exception {
    Exception::new(Kind::NotImplemented, format_args!("a {of} column of this layout"))
}
