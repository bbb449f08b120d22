//! The limits of following events.

use std::time::Duration;

/// How many may follow at the same time. One more is answered with 503 `overloaded`.
pub const SUBSCRIBERS: usize = 64;

/// Most events that one look gives a subscriber: the newest of what arrived meanwhile. The others are skipped, and counted.
pub const EVENTS_AT_ONCE: u32 = 500;

/// How many subscribers ask ClickHouse at the same time. The others take what arrives meanwhile along with their next question,
/// so that many of them cost time and leave room for the writer. A question costs ClickHouse 4 ms, 14 ms if it finds something.
pub const QUESTIONS_AT_ONCE: usize = 2;

/// How often ClickHouse is asked for batches that other servers wrote.
pub const OTHERS_PACE: Duration = Duration::from_secs(1);

/// How far back such batches are looked for: by so much the clocks of two servers may differ, and an insert may take.
pub const OTHERS_BACK: Duration = Duration::from_secs(10);

/// How far back a subscriber that comes again is served: one hour. What is older is skipped, uncounted.
pub const RESUME_BACK: Duration = Duration::from_secs(60 * 60);

/// The pause after a question that failed.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);
