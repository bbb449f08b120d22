//! A batch of records: NDJSON, one JSON array, or one object.

use crate::Record;
use crate::decode::{self, DecodeError, ErrorCode};
use crate::limits::BATCH_RECORDS;
use serde_json::value::RawValue;

/// What a batch held. A record that cannot be read costs nothing but itself.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The records that can be stored.
    pub accepted: Vec<Accepted<'a>>,
    /// The ones that cannot, each with its place in the batch from 0 and why.
    pub rejected: Vec<(usize, DecodeError)>,
}

/// A record that can be stored.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// The JSON that it came as.
    pub line: &'a [u8],
    /// What it says.
    pub record: Record,
}

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

/// Reads a batch. Blank lines of NDJSON do not count.
///
/// # Errors
/// Only what concerns the batch as a whole; each bad record is in [`Batch::rejected`].
pub fn decode(body: &[u8]) -> Result<Batch<'_>, BatchError> {
    let records = split(body)?;
    match records.len() {
        0 => return Err(BatchError::Empty),
        1..=BATCH_RECORDS => {}
        _ => return Err(BatchError::TooManyRecords),
    }
    let mut batch = Batch { accepted: Vec::with_capacity(records.len()), rejected: Vec::new() };
    for (index, line) in records.into_iter().enumerate() {
        match Record::decode(line) {
            Ok(record) => batch.accepted.push(Accepted { line, record }),
            Err(error) => batch.rejected.push((index, error)),
        }
    }
    Ok(batch)
}

fn split(body: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let items: Vec<&RawValue> = decode::document(body).map_err(BatchError::Malformed)?;
        return Ok(items.into_iter().map(|item| item.get().as_bytes()).collect());
    }
    let lines = || body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    // One object may be spread over several lines; then its first line alone is cut short.
    let cut = lines().next().is_some_and(|line| {
        matches!(decode::document::<&RawValue>(line), Err(error) if error.code() == ErrorCode::MalformedJson)
    });
    if cut && decode::document::<&RawValue>(body).is_ok() {
        return Ok(vec![body]);
    }
    Ok(lines().take(BATCH_RECORDS + 1).collect())
}
