//! ClickHouse's compressed blocks, which `compress=1` and `decompress=1` ask for.
//!
//! ```text
//! 16 bytes  CityHash128 (version 1.0.2) of all that follows
//!  1 byte   method: 0x82 LZ4, 0x90 ZSTD, 0x02 none
//!  4 bytes  little endian: compressed size, these 9 header bytes included
//!  4 bytes  little endian: size of the data
//!  …        compressed data
//! ```

use std::io::{self, Read};

use cityhash_rs::cityhash_102_128;

use crate::exception::{Exception, Kind};

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;

const METHOD_NONE: u8 = 0x02;
const METHOD_LZ4: u8 = 0x82;
const METHOD_ZSTD: u8 = 0x90;

/// Data in one written block; ClickHouse writes the same.
const WRITTEN_BLOCK_BYTES: usize = 1 << 20;

/// Largest block accepted, packed or unpacked: the memory that one insert's decoder may take.
/// ClickHouse accepts 1 GiB, but no client writes blocks of more than a few MiB.
const MAX_BLOCK_BYTES: usize = 64 << 20;

/// Most data that a packed byte can hold, by the format of LZ4: a longer match costs a byte for each 255.
const MAX_LZ4_RATIO: usize = 255;

/// Memory that a reader keeps from one block to the next. What is more is given back before the next one is waited for: whoever sends
/// little and then nothing more holds nothing.
const KEPT_BYTES: usize = 1 << 20;

/// Appends `data` to `out` as LZ4 blocks.
pub(super) fn write(data: &[u8], out: &mut Vec<u8>) {
    for piece in data.chunks(WRITTEN_BLOCK_BYTES) {
        let start = out.len();
        out.resize(start + CHECKSUM_BYTES + HEADER_BYTES, 0);
        out.extend_from_slice(&lz4_flex::block::compress(piece));
        let block = &mut out[start + CHECKSUM_BYTES..];
        block[0] = METHOD_LZ4;
        let packed = u32::try_from(block.len()).unwrap_or(u32::MAX);
        block[1..5].copy_from_slice(&packed.to_le_bytes());
        let unpacked = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        block[5..9].copy_from_slice(&unpacked.to_le_bytes());
        let checksum = checksum(block);
        out[start..start + CHECKSUM_BYTES].copy_from_slice(&checksum);
    }
}

/// Two 64-bit halves, the higher first, each little endian.
fn checksum(block: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_102_128(block).rotate_left(64).to_le_bytes()
}

/// Reads the data out of blocks.
pub(super) struct BlockReader<R> {
    inner: R,
    packed: Vec<u8>,
    data: Vec<u8>,
    position: usize,
}

impl<R: Read> BlockReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, packed: Vec::new(), data: Vec::new(), position: 0 }
    }

    /// Unpacks the next block; false at the end of the input.
    fn next_block(&mut self) -> io::Result<bool> {
        self.position = 0;
        self.data.clear();
        self.data.shrink_to(KEPT_BYTES);
        let mut expected = [0; CHECKSUM_BYTES];
        let first = self.inner.read(&mut expected)?;
        if first == 0 {
            return Ok(false);
        }
        self.inner.read_exact(&mut expected[first..]).map_err(cut)?;
        let mut header = [0; HEADER_BYTES];
        self.inner.read_exact(&mut header).map_err(cut)?;
        let (method, packed_bytes, data_bytes) = parse_header(header)?;

        // Grows as the bytes come, whatever the header says.
        self.packed.extend_from_slice(&header);
        let rest = (packed_bytes - HEADER_BYTES) as u64;
        let came = self.inner.by_ref().take(rest).read_to_end(&mut self.packed)?;
        if came as u64 != rest {
            return Err(cut(io::ErrorKind::UnexpectedEof.into()));
        }
        if checksum(&self.packed) != expected {
            return Err(Exception::new(
                Kind::ChecksumDoesntMatch,
                "Checksum doesn't match: a compressed block of the request is corrupted",
            )
            .into());
        }
        unpack(method, &self.packed[HEADER_BYTES..], data_bytes, &mut self.data)?;
        self.packed.clear();
        self.packed.shrink_to(KEPT_BYTES);
        Ok(true)
    }
}

fn parse_header(header: [u8; HEADER_BYTES]) -> io::Result<(u8, usize, usize)> {
    let [method, p0, p1, p2, p3, d0, d1, d2, d3] = header;
    let packed = u32::from_le_bytes([p0, p1, p2, p3]) as usize;
    let data = u32::from_le_bytes([d0, d1, d2, d3]) as usize;
    if !(HEADER_BYTES..=MAX_BLOCK_BYTES).contains(&packed) || data > MAX_BLOCK_BYTES {
        return Err(Exception::new(
            Kind::TooLargeSizeCompressed,
            format_args!(
                "a compressed block of the request says {packed} bytes packed, {data} unpacked; between \
                 {HEADER_BYTES} and {MAX_BLOCK_BYTES} are accepted (is the body compressed at all?)"
            ),
        )
        .into());
    }
    Ok((method, packed, data))
}

/// Unpacks into `data`, which is empty. Takes no more memory than what is packed can fill.
fn unpack(method: u8, packed: &[u8], data_bytes: usize, data: &mut Vec<u8>) -> io::Result<()> {
    let wrong = |reason: String| io::Error::from(Exception::new(Kind::CannotDecompress, reason));
    match method {
        METHOD_NONE => data.extend_from_slice(packed),
        METHOD_LZ4 => {
            // The last sequence needs no match, and the first of a match are four.
            let possible = packed.len().saturating_mul(MAX_LZ4_RATIO).saturating_add(MAX_LZ4_RATIO);
            if data_bytes > possible {
                return Err(wrong(format!(
                    "a block of {} bytes cannot hold the {data_bytes} bytes that it promised",
                    packed.len()
                )));
            }
            data.resize(data_bytes, 0);
            let written = lz4_flex::block::decompress_into(packed, data)
                .map_err(|error| wrong(format!("Cannot decompress LZ4 block: {error}")))?;
            data.truncate(written);
        }
        METHOD_ZSTD => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            decoder.window_log_max(MAX_BLOCK_BYTES.ilog2())?;
            // One more than promised tells that it is too much.
            decoder
                .take(data_bytes as u64 + 1)
                .read_to_end(data)
                .map_err(|error| wrong(format!("Cannot decompress ZSTD block: {error}")))?;
        }
        _ => {
            return Err(Exception::new(
                Kind::UnknownCompressionMethod,
                format_args!("Unknown compression method: {method:#04x}"),
            )
            .into());
        }
    }
    if data.len() == data_bytes {
        return Ok(());
    }
    Err(wrong(format!("a block holds {} bytes and promised {data_bytes}", data.len())))
}

fn cut(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Exception::new(Kind::CannotDecompress, "the request ends in the middle of a compressed block").into()
    } else {
        error
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.data.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.data.len() - self.position);
        buffer[..count].copy_from_slice(&self.data[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        BlockReader, CHECKSUM_BYTES, HEADER_BYTES, KEPT_BYTES, METHOD_LZ4, METHOD_NONE, METHOD_ZSTD,
        checksum, write,
    };
    use std::io::Read as _;

    fn block(method: u8, packed: &[u8], packed_bytes: u32, data_bytes: u32) -> Vec<u8> {
        let mut block = vec![method];
        block.extend(packed_bytes.to_le_bytes());
        block.extend(data_bytes.to_le_bytes());
        block.extend(packed);
        [checksum(&block).as_slice(), &block].concat()
    }

    #[test]
    fn memory_follows_what_came() {
        let many = 64 << 20;
        let length = |packed: &[u8]| u32::try_from(packed.len() + HEADER_BYTES).unwrap();
        let zstd = zstd::encode_all(&[7; 100][..], 1).unwrap();
        for (what, bytes) in [
            ("packed", block(METHOD_LZ4, &[0; 8], many, 100)),
            ("unpacked", block(METHOD_LZ4, &[], length(&[]), many)),
            ("unpacked, with some", block(METHOD_LZ4, &[0x10, 0], length(&[0, 0]), many)),
            ("unpacked, not at all", block(METHOD_NONE, &[1, 2], length(&[0, 0]), many)),
            ("unpacked, by ZSTD", block(METHOD_ZSTD, &zstd, length(&zstd), many)),
        ] {
            let mut reader = BlockReader::new(bytes.as_slice());
            reader.read_to_end(&mut Vec::new()).unwrap_err();
            let held = reader.packed.capacity() + reader.data.capacity();
            assert!(held < 1 << 16, "{what}: {held} bytes for {}", bytes.len());
        }
    }

    #[test]
    fn a_block_is_given_back_before_the_next_is_waited_for() {
        let mut bytes = Vec::new();
        write(&[7; 1 << 20], &mut bytes);
        let zeros = lz4_flex::block::compress(&vec![0; 32 << 20]);
        bytes.extend(block(METHOD_LZ4, &zeros, u32::try_from(zeros.len() + HEADER_BYTES).unwrap(), 32 << 20));
        // What comes next is not whole.
        bytes.extend([0; CHECKSUM_BYTES]);
        let mut reader = BlockReader::new(bytes.as_slice());
        let mut data = Vec::new();
        reader.read_to_end(&mut data).unwrap_err();
        assert_eq!(data.len(), 33 << 20);
        assert!(reader.packed.capacity() + reader.data.capacity() <= 2 * KEPT_BYTES);
    }
}
