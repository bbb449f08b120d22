use super::{Columns, push_string};

/// Writes one row of ClickHouse's `RowBinary`: values in the order of the columns, nothing between them.
///
/// Integers and floats are little-endian; a string is its length as LEB128 and its bytes; a nullable value is
/// preceded by 0, a null is 1 alone; `LowCardinality(T)` is written as `T`.
/// Source: the format's page in ClickHouse's documentation.
pub(crate) struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> RowWriter<'a> {
    /// Appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }
}

impl Columns for RowWriter<'_> {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn fixed(&mut self, value: &[u8; 16]) -> &mut Self {
        self.bytes(value)
    }

    fn string(&mut self, value: &str) -> &mut Self {
        push_string(self.out, value);
        self
    }

    fn word(&mut self, value: &str) -> &mut Self {
        self.string(value)
    }

    fn nullable<const N: usize>(&mut self, value: Option<[u8; N]>) -> &mut Self {
        match value {
            None => self.bytes(&[1]),
            Some(value) => self.bytes(&[0]).bytes(&value),
        }
    }
}
