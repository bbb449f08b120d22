//! Every limit of reading, in one place.

use std::time::Duration;

/// How long ClickHouse works on one read before it gives up, in seconds. The request then fails with 503.
pub const READ_SECONDS: u64 = 30;

/// How long a read is waited for, whatever becomes of ClickHouse: [`READ_SECONDS`] and some time for the way.
pub const READ_TIMEOUT: Duration = Duration::from_secs(READ_SECONDS + 5);

/// Memory that one read may take in ClickHouse, in bytes: 512 MiB. Beyond it the request fails with 503.
pub const READ_MEMORY_BYTES: u64 = 512 << 20;

/// How many items a page of a list has if the client names no number.
pub const PAGE_ITEMS: u32 = 50;

/// Most items that a page of a list can have. More is refused with 422.
pub const PAGE_ITEMS_MAX: u32 = 500;

/// How many hours back the histogram of an issue goes if the client names no number: 7 days.
pub const HISTOGRAM_HOURS: u32 = 7 * 24;

/// Most hours of a histogram: 90 days. More is refused with 422.
pub const HISTOGRAM_HOURS_MAX: u32 = 90 * 24;

/// Longest text to search for, in bytes. A longer one is refused with 422.
pub const SEARCH_TEXT_BYTES: usize = 1024;
