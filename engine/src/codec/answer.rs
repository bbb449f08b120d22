use std::io::{self, Write as _};

use bytes::Bytes;

use super::blocks;

/// How an answer's body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerEncoding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Lz4,
    /// ClickHouse's own framing, asked for by `compress=1`; no HTTP content encoding.
    Blocks,
}

impl AnswerEncoding {
    /// The `Content-Encoding` to answer with.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Blocks => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Lz4 => Some("lz4"),
        }
    }
}

/// Picks from an `Accept-Encoding` what is best here: cheap to make and small. Weights are only looked at
/// for zero, which means never.
pub(crate) fn negotiate(accept: &str) -> AnswerEncoding {
    const PREFERRED: [(&str, AnswerEncoding); 5] = [
        ("zstd", AnswerEncoding::Zstd),
        ("lz4", AnswerEncoding::Lz4),
        ("gzip", AnswerEncoding::Gzip),
        ("br", AnswerEncoding::Brotli),
        ("deflate", AnswerEncoding::Deflate),
    ];
    let accepted = |wanted: &str| {
        accept.split(',').any(|choice| {
            let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(wanted) && weight != Some(0.0)
        })
    };
    PREFERRED.iter().find(|(name, _)| accepted(name)).map_or(AnswerEncoding::Plain, |(_, encoding)| *encoding)
}

/// Speed over size: the usual client is on the same machine or network.
const GZIP_LEVEL: u32 = 3;
const BROTLI_QUALITY: u32 = 3;
const BROTLI_WINDOW_LOG: u32 = 20;
const BROTLI_BUFFER_BYTES: usize = 64 << 10;
const ZSTD_LEVEL: i32 = 1;

/// Packs an answer piece by piece.
pub(crate) enum Encoder {
    Plain,
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Blocks,
}

impl Encoder {
    pub(crate) fn new(encoding: AnswerEncoding) -> io::Result<Self> {
        let out = Vec::new();
        Ok(match encoding {
            AnswerEncoding::Plain => Self::Plain,
            AnswerEncoding::Gzip => {
                Self::Gzip(flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL)))
            }
            AnswerEncoding::Deflate => {
                Self::Deflate(flate2::write::ZlibEncoder::new(out, flate2::Compression::new(GZIP_LEVEL)))
            }
            AnswerEncoding::Brotli => Self::Brotli(Box::new(brotli::CompressorWriter::new(
                out,
                BROTLI_BUFFER_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW_LOG,
            ))),
            AnswerEncoding::Zstd => Self::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?),
            AnswerEncoding::Lz4 => Self::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(out))),
            AnswerEncoding::Blocks => Self::Blocks,
        })
    }

    /// Packs `data` and returns what is ready to be sent, which may be nothing yet.
    pub(crate) fn push(&mut self, data: &[u8]) -> io::Result<Bytes> {
        let out = match self {
            Self::Plain => return Ok(Bytes::copy_from_slice(data)),
            Self::Blocks => {
                let mut out = Vec::new();
                blocks::write(data, &mut out);
                return Ok(out.into());
            }
            Self::Gzip(encoder) => {
                encoder.write_all(data)?;
                encoder.get_mut()
            }
            Self::Deflate(encoder) => {
                encoder.write_all(data)?;
                encoder.get_mut()
            }
            Self::Brotli(encoder) => {
                encoder.write_all(data)?;
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                encoder.write_all(data)?;
                encoder.get_mut()
            }
            Self::Lz4(encoder) => {
                encoder.write_all(data)?;
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(out).into())
    }

    /// Returns the rest, after which the packed answer is whole.
    pub(crate) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Plain | Self::Blocks => Bytes::new(),
            Self::Gzip(encoder) => encoder.finish()?.into(),
            Self::Deflate(encoder) => encoder.finish()?.into(),
            Self::Brotli(encoder) => encoder.into_inner().into(),
            Self::Zstd(encoder) => encoder.finish()?.into(),
            Self::Lz4(encoder) => encoder.finish().map_err(io::Error::other)?.into(),
        })
    }
}
