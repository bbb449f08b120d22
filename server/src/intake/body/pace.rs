//! The slowest that a body may come, as the engine's interface has it: whoever holds room for a body also fills it.

use crate::error::ApiError;
use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Time that every body has, however little comes.
const FREE_TIME: Duration = Duration::from_secs(5);

/// The slowest a body may come on the whole, bytes a second, once [`FREE_TIME`] is over.
const BYTES_A_SECOND: u64 = 4 << 10;

/// The pieces of a body. One that comes too slowly ends with [`io::ErrorKind::TimedOut`].
pub(super) fn paced(body: &mut BodyDataStream) -> impl Stream<Item = io::Result<Bytes>> {
    let begun = Instant::now();
    stream::unfold((body, 0), move |(body, bytes)| async move {
        let due = FREE_TIME + Duration::from_millis(bytes * 1000 / BYTES_A_SECOND);
        let next = timeout(due.saturating_sub(begun.elapsed()), body.next()).await;
        let piece = match next {
            Ok(None) => return None,
            Ok(Some(piece)) => piece.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let bytes = bytes + piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Some((piece, (body, bytes)))
    })
}

/// Why reading a body failed.
pub(super) fn failure(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::TimedOut => ApiError::SlowBody,
        _ => ApiError::Body(format!("the body cannot be read: {error}")),
    }
}
