//! Events in the formats of ClickHouse: row by row (`RowBinary`), or in blocks of columns (`Native`).

mod block;
mod native;
mod ordinal;
mod rowbinary;

pub use block::{Block, Encoder, Encoding, Occurrence};
pub(crate) use native::{NATIVE_TIME_AT, push_head, push_numbers};
pub(crate) use ordinal::Ordinals;
pub(crate) use rowbinary::RowWriter;

/// What takes the values of one row after the other, in the order of the columns.
pub trait Columns {
    /// `UInt8`.
    fn u8(&mut self, value: u8) -> &mut Self;
    /// `UInt16`.
    fn u16(&mut self, value: u16) -> &mut Self;
    /// `UInt32`.
    fn u32(&mut self, value: u32) -> &mut Self;
    /// `UInt64`.
    fn u64(&mut self, value: u64) -> &mut Self;
    /// `DateTime64(3)`.
    fn i64(&mut self, value: i64) -> &mut Self;
    /// `FixedString(16)`.
    fn fixed(&mut self, value: &[u8; 16]) -> &mut Self;
    /// `String`.
    fn string(&mut self, value: &str) -> &mut Self;
    /// `LowCardinality(String)`.
    fn word(&mut self, value: &str) -> &mut Self;
    /// `Nullable` of a number, given as its little-endian bytes.
    fn nullable<const N: usize>(&mut self, value: Option<[u8; N]>) -> &mut Self;
}

/// A length as LEB128, as ClickHouse writes it before strings.
fn push_varint(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A string with its length.
fn push_string(out: &mut Vec<u8>, text: &str) {
    push_varint(out, text.len());
    out.extend_from_slice(text.as_bytes());
}
