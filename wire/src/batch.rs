//! A batch of records: NDJSON, one JSON array, or one object.

use crate::decode::{self, DecodeError, ErrorCode};
use crate::limits::BATCH_RECORDS;
use serde_json::value::RawValue;

/// Why a batch was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchError {
    /// It is an array that cannot be read to its end.
    Malformed(DecodeError),
    /// It holds more than [`BATCH_RECORDS`] records.
    TooManyRecords,
    /// It holds no record.
    Empty,
}

/// Takes a batch apart: the JSON of each record, at least one and [`BATCH_RECORDS`] at most. Blank lines of NDJSON do not
/// count. Whether the pieces are records is for [`Record::decode`](crate::Record::decode) to say.
///
/// # Errors
/// Only what concerns the batch as a whole.
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let records = pieces(body)?;
    match records.len() {
        0 => Err(BatchError::Empty),
        1..=BATCH_RECORDS => Ok(records),
        _ => Err(BatchError::TooManyRecords),
    }
}

fn pieces(body: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let items: Vec<&RawValue> = decode::document(body).map_err(BatchError::Malformed)?;
        return Ok(items.into_iter().map(|item| item.get().as_bytes()).collect());
    }
    let lines = || lines(body).filter(|line| !line.trim_ascii().is_empty());
    // One object may be spread over several lines; then its first line alone is cut short.
    let cut = lines().next().is_some_and(|line| {
        matches!(decode::document::<&RawValue>(line), Err(error) if error.code() == ErrorCode::MalformedJson)
    });
    if cut && decode::document::<&RawValue>(body).is_ok() {
        return Ok(vec![body]);
    }
    Ok(lines().take(BATCH_RECORDS + 1).collect())
}

/// What stands between line feeds.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', body).chain(std::iter::once(body.len()));
    ends.scan(0, |start, end| Some(&body[std::mem::replace(start, end + 1)..end]))
}
