//! A batch of records: NDJSON, one JSON array, or one object.

use crate::decode::DecodeError;
use crate::json::{self, trimmed};
use crate::limits::BATCH_RECORDS;

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
/// count, nor does what is nothing around a record: blanks, NULs, byte order marks. Whether the pieces are records is for
/// [`Record::decode`](crate::Record::decode) to say.
///
/// # Errors
/// Only what concerns the batch as a whole.
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let records = pieces(trimmed(body))?;
    match records.len() {
        0 => Err(BatchError::Empty),
        1..=BATCH_RECORDS => Ok(records),
        _ => Err(BatchError::TooManyRecords),
    }
}

fn pieces(body: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    if body.first() == Some(&b'[') {
        return elements(body).ok_or_else(|| {
            BatchError::Malformed(DecodeError::malformed(
                "not valid JSON: the array does not end where the body ends",
            ))
        });
    }
    let lines = || lines(body).map(trimmed).filter(|line| !line.is_empty());
    // One object may be spread over several lines; then its first line alone is cut short.
    if lines().next().is_some_and(|line| line.len() < body.len() && !json::is_whole(line))
        && json::is_whole(body)
    {
        return Ok(vec![body]);
    }
    Ok(lines().take(BATCH_RECORDS + 1).collect())
}

/// What stands between line feeds.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', body).chain(std::iter::once(body.len()));
    ends.scan(0, |start, end| Some(&body[std::mem::replace(start, end + 1)..end]))
}

/// What stands between the commas of an array, one more than a batch may have at most; `None` if it does not end with the
/// body. Each element is read by itself later, so that a bad one costs its neighbours nothing.
fn elements(body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut elements = Vec::new();
    let (mut depth, mut start, mut at) = (0usize, 1, 0);
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => at = end_of_string(body, at)?,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let last = trimmed(&body[start..at]);
                    if !last.is_empty() {
                        elements.push(last);
                    }
                    return trimmed(&body[at + 1..]).is_empty().then_some(elements);
                }
            }
            b',' if depth == 1 => {
                elements.push(trimmed(&body[start..at]));
                if elements.len() > BATCH_RECORDS {
                    return Some(elements);
                }
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the string ends that begins here.
fn end_of_string(body: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
