//! The limits of the writer.

use std::time::Duration;

/// The least time between the beginnings of two ranges. Also the age at which an event can be queried, together with the
/// time of one insert.
pub const PACE: Duration = Duration::from_millis(400);

/// So many bytes waiting in the spool are written without a pause: 8 MiB, which are some 100,000 packed records.
pub const HURRY_BYTES: u64 = 8 << 20;

/// The same while somebody follows what arrives: what is sent shall be shown within half a second. Smaller parts are the price.
pub const PACE_FOLLOWED: Duration = Duration::from_millis(150);

/// How many batches are remembered as arrived. Who follows and is further behind misses some, and is told so; twice the
/// batches that all servers write in ten seconds are never forgotten too early.
pub const KEPT_ARRIVALS: usize = 8_192;

/// How long the writer waits after the first failure; twice as long after each further one.
pub const RETRY_MIN: Duration = Duration::from_millis(50);

/// How long it waits at the most.
pub const RETRY_MAX: Duration = Duration::from_secs(1);
