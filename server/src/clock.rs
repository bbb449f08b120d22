//! The server's clock. Only the edges look at it: the handlers, the spool's thread and the writer.

use log_center_wire::UnixMillis;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in milliseconds.
pub(crate) fn now() -> UnixMillis {
    // Fits for 292 million years.
    UnixMillis(since_1970().as_millis() as i64)
}

/// Now, in milliseconds since 1970, for numbers.
pub(crate) fn unix_ms() -> u64 {
    since_1970().as_millis() as u64
}

/// Now, in microseconds since 1970.
pub(crate) fn unix_micros() -> u64 {
    since_1970().as_micros() as u64
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
