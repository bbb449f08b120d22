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
        let mut expected = [0; CHECKSUM_BYTES];
        let first = self.inner.read(&mut expected)?;
        if first == 0 {
            return Ok(false);
        }
        self.inner.read_exact(&mut expected[first..]).map_err(cut)?;
        let mut header = [0; HEADER_BYTES];
        self.inner.read_exact(&mut header).map_err(cut)?;
        let (method, packed_bytes, data_bytes) = parse_header(header)?;

        self.packed.clear();
        self.packed.extend_from_slice(&header);
        self.packed.resize(packed_bytes, 0);
        self.inner.read_exact(&mut self.packed[HEADER_BYTES..]).map_err(cut)?;
        if checksum(&self.packed) != expected {
            return Err(Exception::new(
                Kind::ChecksumDoesntMatch,
                "Checksum doesn't match: a compressed block of the request is corrupted",
            )
            .into());
        }
        self.data.resize(data_bytes, 0);
        self.position = 0;
        unpack(method, &self.packed[HEADER_BYTES..], &mut self.data)?;
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

fn unpack(method: u8, packed: &[u8], data: &mut [u8]) -> io::Result<()> {
    let wrong = |reason: String| io::Error::from(Exception::new(Kind::CannotDecompress, reason));
    let written = match method {
        METHOD_NONE if packed.len() == data.len() => {
            data.copy_from_slice(packed);
            data.len()
        }
        METHOD_LZ4 => lz4_flex::block::decompress_into(packed, data)
            .map_err(|error| wrong(format!("Cannot decompress LZ4 block: {error}")))?,
        METHOD_ZSTD => zstd::bulk::decompress_to_buffer(packed, data)
            .map_err(|error| wrong(format!("Cannot decompress ZSTD block: {error}")))?,
        _ => {
            return Err(Exception::new(
                Kind::UnknownCompressionMethod,
                format_args!("Unknown compression method: {method:#04x}"),
            )
            .into());
        }
    };
    if written == data.len() {
        return Ok(());
    }
    Err(wrong(format!("a block holds {written} bytes and promised {}", data.len())))
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
