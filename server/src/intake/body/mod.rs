//! Bodies from outside: bounded on the wire and after decompression, and in time.

mod held;
mod pace;

pub use held::Received;

use crate::error::ApiError;
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use tokio_util::io::StreamReader;

/// How much a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// As it comes over the wire.
    pub wire_bytes: usize,
    /// After decompression.
    pub body_bytes: usize,
    /// From the end of the head to the last byte.
    pub patience: Duration,
}

/// How long a small body may take.
pub const SMALL_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest window that a zstd body may ask for, as a power of two: 8 MiB, what the format's RFC 8878 asks every
/// decoder to have and lets it stop at.
const ZSTD_WINDOW_LOG: u32 = 23;

impl BodyLimits {
    /// The same limit before and after decompression, and [`SMALL_BODY_TIMEOUT`].
    pub const fn same(bytes: usize) -> Self {
        Self { wire_bytes: bytes, body_bytes: bytes, patience: SMALL_BODY_TIMEOUT }
    }
}

/// How much of a body that is refused is read all the same: 32 MiB. A client that is cut off while it sends sees a broken
/// connection and not the answer that says why.
const DRAINED_BYTES: usize = 32 << 20;

/// Reads a whole body.
///
/// # Errors
/// 400 what cannot be decompressed or ends too early, 408 what comes too slowly, 413 what is too large before or after
/// decompression, 415 an encoding that nobody here reads, 503 if too much is held already.
pub async fn read(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Received, ApiError> {
    let mut stream = body.into_data_stream();
    let read = timeout(limits.patience, read_stream(headers, &mut stream, limits)).await;
    match read.unwrap_or(Err(ApiError::SlowBody)) {
        Err(refusal) if !matches!(refusal, ApiError::SlowBody) => {
            _ = timeout(limits.patience, drain(&mut stream)).await;
            Err(refusal)
        }
        read => read,
    }
}

async fn read_stream(
    headers: &HeaderMap,
    stream: &mut BodyDataStream,
    limits: BodyLimits,
) -> Result<Received, ApiError> {
    let encoding = Encoding::of(headers)?;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.wire_bytes as u64) {
        return Err(too_large(limits.wire_bytes, "on the wire"));
    }
    decode(encoding, stream, limits).await
}

async fn drain(stream: &mut BodyDataStream) {
    let mut drained = 0;
    while let Some(Ok(piece)) = stream.next().await {
        drained += piece.len();
        if drained > DRAINED_BYTES {
            break;
        }
    }
}

/// An encoding that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(Encoding::Identity) };
        let name = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = match name.as_str() {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Gzip,
            "deflate" => Encoding::Deflate,
            "br" => Encoding::Brotli,
            "zstd" => Encoding::Zstd,
            _ => return Err(unsupported_encoding()),
        };
        // One encoding on top of another is legal HTTP, and a way to make bombs.
        if values.next().is_some() { Err(unsupported_encoding()) } else { Ok(encoding) }
    }
}

async fn decode(
    encoding: Encoding,
    stream: &mut BodyDataStream,
    limits: BodyLimits,
) -> Result<Received, ApiError> {
    let stream = std::pin::pin!(pace::paced(stream));
    // One byte more than is allowed tells "too much" from "just enough".
    let wire = StreamReader::new(stream).take(limits.wire_bytes as u64 + 1);
    let mut wire = tokio::io::BufReader::new(wire);
    let read = match encoding {
        Encoding::Identity => collect(&mut wire, limits).await,
        Encoding::Gzip => {
            collect(all_members(GzipDecoder::new(&mut wire), GzipDecoder::multiple_members), limits).await
        }
        Encoding::Deflate => collect(ZlibDecoder::new(&mut wire), limits).await,
        Encoding::Brotli => collect(BrotliDecoder::new(&mut wire), limits).await,
        Encoding::Zstd => {
            let window = async_compression::zstd::DParameter::window_log_max(ZSTD_WINDOW_LOG);
            let decoder = ZstdDecoder::with_params(&mut wire, &[window]);
            collect(all_members(decoder, ZstdDecoder::multiple_members), limits).await
        }
    };
    let body = read?;
    if wire.get_ref().limit() == 0 {
        return Err(too_large(limits.wire_bytes, "on the wire"));
    }
    Ok(body)
}

/// A body may be several compressed pieces, one behind the other.
fn all_members<D>(mut decoder: D, switch: impl FnOnce(&mut D, bool)) -> D {
    switch(&mut decoder, true);
    decoder
}

async fn collect(reader: impl AsyncRead, limits: BodyLimits) -> Result<Received, ApiError> {
    let mut body = Received::new();
    let reader = reader.take(limits.body_bytes as u64 + 1);
    tokio::pin!(reader);
    loop {
        body.grow()?;
        let read = reader.read_buf(&mut body.bytes).await;
        if read.map_err(|error| pace::failure(&error))? == 0 {
            break;
        }
    }
    if body.len() > limits.body_bytes {
        return Err(too_large(limits.body_bytes, "after decompression"));
    }
    Ok(body)
}

fn too_large(limit: usize, place: &str) -> ApiError {
    ApiError::TooLarge(format!("the body may have at most {limit} bytes {place}"))
}

fn unsupported_encoding() -> ApiError {
    ApiError::Unsupported {
        code: "unsupported_encoding",
        message: "Content-Encoding must be one of identity, gzip, deflate, br, zstd".to_owned(),
    }
}

/// Refuses a content type that says that the body is something else than the contract's JSON. None at all, and the
/// `text/plain` of a browser's beacon, are accepted.
///
/// # Errors
/// 415.
pub fn check_content_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.is_empty() || accepted.iter().any(|name| essence.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(ApiError::Unsupported {
        code: "unsupported_media_type",
        message: format!("Content-Type must be one of {}", accepted.join(", ")),
    })
}
