//! Where lines come from: a file or standard input, plain or compressed.
//!
//! What a file is compressed by is told by its first bytes; its name says nothing.

use super::limits::{CHUNK_BYTES, HEAD_BYTES};
use crate::style::plain;
use anyhow::{Context, bail, ensure};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_128;

/// Standard input, as an argument.
pub(super) const STDIN: &str = "-";

/// How standard input is called in messages.
const STDIN_NAME: &str = "standard input";

/// What is wrong with a file that ends before the place at which its import goes on.
const SHORTER: &str =
    "it is shorter than it was when a part of it was imported; --restart imports it from its beginning";

/// Something to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Stdin,
    File(PathBuf),
}

/// The beginning of a file, by which it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) bytes: u64,
    pub(super) hash: String,
}

/// What is opened, as its plain bytes.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    /// How much of it has been read, as it lies on disk.
    pub(super) read: Arc<AtomicU64>,
    /// It lies there uncompressed.
    pub(super) is_plain: bool,
}

impl Input {
    pub(super) fn new(argument: &Path) -> Self {
        if argument == Path::new(STDIN) { Input::Stdin } else { Input::File(argument.to_owned()) }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Input::Stdin => STDIN_NAME.to_owned(),
            Input::File(path) => path.display().to_string(),
        }
    }

    /// The same for a terminal.
    pub(super) fn shown(&self) -> String {
        plain(&self.name()).into_owned()
    }

    /// How long the file is; `None` for what has no length.
    pub(super) fn size(&self) -> anyhow::Result<Option<u64>> {
        let Input::File(path) = self else { return Ok(None) };
        let metadata = std::fs::metadata(path).with_context(|| self.shown())?;
        if metadata.is_dir() {
            bail!("{}: this is a directory; name its files", self.shown());
        }
        // A named pipe can be read, but is not known again.
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    /// The beginning of the file: `bytes` of it, or as much as there is up to the limit.
    pub(super) fn head(&self, bytes: Option<u64>) -> anyhow::Result<Head> {
        let Input::File(path) = self else { bail!("{STDIN_NAME} has no beginning that could be read twice") };
        let mut head = Vec::new();
        let file = File::open(path).with_context(|| self.shown())?;
        file.take(bytes.unwrap_or(HEAD_BYTES)).read_to_end(&mut head).with_context(|| self.shown())?;
        Ok(Head { bytes: head.len() as u64, hash: format!("{:032x}", xxh3_128(&head)) })
    }

    /// Opens it at an offset of its plain bytes.
    pub(super) fn open(&self, offset: u64) -> anyhow::Result<Source> {
        let source = match self {
            Input::Stdin => Source::decoded(io::stdin()),
            Input::File(path) => {
                let file = File::open(path).with_context(|| self.shown())?;
                if offset == 0 { Source::decoded(file) } else { Source::at(file, offset) }
            }
        };
        source.with_context(|| self.shown())
    }
}

impl Source {
    /// A file from this offset of its plain bytes on.
    fn at(mut file: File, offset: u64) -> anyhow::Result<Self> {
        let is_plain = Compression::of(&beginning(&mut file)?) == Compression::None;
        if !is_plain {
            // It has to be unpacked again up to there.
            file.rewind()?;
            let mut source = Self::decoded(file)?;
            let skipped = io::copy(&mut source.reader.by_ref().take(offset), &mut io::sink())?;
            ensure!(skipped == offset, SHORTER);
            return Ok(source);
        }
        ensure!(file.metadata()?.len() >= offset, SHORTER);
        file.seek(SeekFrom::Start(offset))?;
        let read = Arc::new(AtomicU64::new(offset));
        Ok(Self { reader: Box::new(file), read, is_plain })
    }

    /// The plain bytes of what may be compressed.
    fn decoded(inner: impl Read + Send + 'static) -> anyhow::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let mut raw = Counted { inner, read: Arc::clone(&read) };
        let start = beginning(&mut raw)?;
        let compression = Compression::of(&start);
        let whole = Cursor::new(start).chain(raw);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(whole),
            // Either may be several compressed files one after the other, as rotated logs are when they are joined.
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
            Compression::Zstd => Box::new(zstd::Decoder::new(whole)?),
            Compression::Foreign(what, reader) => {
                bail!("this is compressed by {what}; try `{reader} FILE | log-center import -`")
            }
        };
        Ok(Self { reader, read, is_plain: compression == Compression::None })
    }

    /// The next bytes, as soon as there are some; empty at the end.
    pub(super) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match self.reader.read(&mut chunk) {
                Ok(count) => {
                    chunk.truncate(count);
                    return Ok(chunk);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
    /// One that is known, and not read here: what it is, and what reads it.
    Foreign(&'static str, &'static str),
}

/// The longest of the marks below, in bytes.
const MARK_BYTES: u64 = 6;

impl Compression {
    fn of(beginning: &[u8]) -> Self {
        const FOREIGN: [(&[u8], &str, &str); 4] = [
            (b"BZh", "bzip2", "bzcat"),
            (b"\xfd7zXZ\0", "xz", "xzcat"),
            (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
            (b"PK\x03\x04", "zip", "unzip -p"),
        ];
        if beginning.starts_with(b"\x1f\x8b") {
            return Compression::Gzip;
        }
        if beginning.starts_with(b"\x28\xb5\x2f\xfd") {
            return Compression::Zstd;
        }
        let foreign = FOREIGN.iter().find(|(mark, ..)| beginning.starts_with(mark));
        foreign.map_or(Compression::None, |(_, what, reader)| Compression::Foreign(what, reader))
    }
}

fn beginning(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    reader.take(MARK_BYTES).read_to_end(&mut beginning)?;
    Ok(beginning)
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::Compression;

    #[test]
    fn what_compressed_a_file_is_told_by_its_beginning() {
        assert_eq!(Compression::of(b"{\"v\":1"), Compression::None);
        assert_eq!(Compression::of(b""), Compression::None);
        assert_eq!(Compression::of(b"\x1f\x8b\x08"), Compression::Gzip);
        assert_eq!(Compression::of(b"\x28\xb5\x2f\xfd\0"), Compression::Zstd);
        assert_eq!(Compression::of(b"BZh9"), Compression::Foreign("bzip2", "bzcat"));
    }
}
