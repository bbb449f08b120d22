use std::io::{self, BufRead, BufReader, Read};

use super::blocks::BlockReader;
use crate::exception::{Exception, Kind};

/// How a request's body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestEncoding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Lz4,
}

impl RequestEncoding {
    /// Understands a `Content-Encoding`.
    pub(crate) fn parse(name: &str) -> Result<Self, Exception> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "br" => Ok(Self::Brotli),
            "zstd" => Ok(Self::Zstd),
            "lz4" => Ok(Self::Lz4),
            other => Err(Exception::new(
                Kind::NotImplemented,
                format_args!(
                    "Unknown Content-Encoding {other:?}; known are gzip, deflate, br, zstd, lz4, identity"
                ),
            )),
        }
    }
}

const BROTLI_BUFFER_BYTES: usize = 64 << 10;

/// Largest window a ZSTD body may ask for, as a power of two: 8 MiB, as browsers and `zstd -19` use.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

/// Unpacks `body`: first the content encoding, then, if `blocks`, ClickHouse's own framing.
pub(crate) fn decoder<'a>(
    body: impl Read + Send + 'a,
    encoding: RequestEncoding,
    blocks: bool,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let unpacked: Box<dyn Read + Send + 'a> = match encoding {
        RequestEncoding::Plain => Box::new(body),
        RequestEncoding::Gzip => Box::new(Explained(flate2::read::MultiGzDecoder::new(body), "gzip")),
        RequestEncoding::Deflate => Box::new(Explained(Deflate::new(body), "deflate")),
        RequestEncoding::Brotli => {
            Box::new(Explained(brotli::Decompressor::new(body, BROTLI_BUFFER_BYTES), "br"))
        }
        RequestEncoding::Zstd => {
            let mut decoder = zstd::Decoder::new(body)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
            Box::new(Explained(decoder, "zstd"))
        }
        RequestEncoding::Lz4 => Box::new(Explained(lz4_flex::frame::FrameDecoder::new(body), "lz4")),
    };
    Ok(if blocks { Box::new(BlockReader::new(unpacked)) } else { unpacked })
}

/// `deflate` means zlib's format, but some clients send it without zlib's header.
struct Deflate<R: Read>(DeflateState<R>);

enum DeflateState<R: Read> {
    Unknown(BufReader<R>),
    Zlib(flate2::bufread::ZlibDecoder<BufReader<R>>),
    Raw(flate2::bufread::DeflateDecoder<BufReader<R>>),
    Broken,
}

impl<R: Read> Deflate<R> {
    fn new(body: R) -> Self {
        Self(DeflateState::Unknown(BufReader::new(body)))
    }
}

impl<R: Read> Read for Deflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let DeflateState::Unknown(body) = &mut self.0 {
            // The lower half of zlib's first byte is 8; in a raw stream that would be a reserved block
            // type or an unusual stored block.
            let zlib = body.fill_buf()?.first().is_none_or(|byte| byte & 0x0f == 8);
            if let DeflateState::Unknown(body) = std::mem::replace(&mut self.0, DeflateState::Broken) {
                self.0 = if zlib {
                    DeflateState::Zlib(flate2::bufread::ZlibDecoder::new(body))
                } else {
                    DeflateState::Raw(flate2::bufread::DeflateDecoder::new(body))
                };
            }
        }
        match &mut self.0 {
            DeflateState::Zlib(decoder) => decoder.read(buffer),
            DeflateState::Raw(decoder) => decoder.read(buffer),
            DeflateState::Unknown(_) | DeflateState::Broken => Ok(0),
        }
    }
}

/// Turns a decoder's complaint into an exception that names the encoding.
struct Explained<R>(R, &'static str);

impl<R: Read> Read for Explained<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted || Exception::inside(&error).is_some() {
                return error;
            }
            Exception::new(
                Kind::CannotDecompress,
                format_args!("the request's body is not valid {}: {error}", self.1),
            )
            .into()
        })
    }
}
