//! Every limit of reading, in one place.

use std::time::Duration;

/// The oldest ClickHouse, year and release: what packs sparse columns of the events came with it.
pub const OLDEST_SERVER: (u32, u32) = (25, 12);

/// How long ClickHouse works on one read before it gives up, in seconds. The request then fails with 503.
pub const READ_SECONDS: u64 = 30;

/// How long a read is waited for, whatever becomes of ClickHouse: [`READ_SECONDS`] and some time for the way.
pub const READ_TIMEOUT: Duration = Duration::from_secs(READ_SECONDS + 5);

/// How long one insert may take before its outcome counts as unclear.
pub const INSERT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a statement about a batch may take.
pub const BATCH_LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);

/// How long ClickHouse may take to say that it is there.
pub const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Memory that one read may take in ClickHouse, in bytes: 512 MiB. Beyond it the request fails with 503.
pub const READ_MEMORY_BYTES: u64 = 512 << 20;

/// How many items a page of a list has if the client names no number.
pub const PAGE_ITEMS: u32 = 50;

/// Most items that a page of a list can have. More is refused with 422.
pub const PAGE_ITEMS_MAX: u32 = 500;

/// How many hours back the histogram of an issue goes if the client names no number: 7 days.
pub const HISTOGRAM_HOURS: u32 = 7 * 24;

/// So many changes of issues that other servers wrote are read at once, and the rest of the batch of the last one.
pub const ISSUE_CHANGES_AT_ONCE: u32 = 10_000;

/// Most hours of a histogram: 90 days. More is refused with 422.
pub const HISTOGRAM_HOURS_MAX: u32 = 90 * 24;

/// Longest text to search for, in bytes. A longer one is refused with 422.
pub const SEARCH_TEXT_BYTES: usize = 1024;

/// How long before the making of its id a request is looked for first, in milliseconds: as far as the clocks of two hosts
/// may differ.
pub const REQUEST_BEFORE_ID_MS: i64 = 15 * 60 * 1000;

/// How long after the making of its id a request is looked for first, in milliseconds.
pub const REQUEST_AFTER_ID_MS: i64 = 60 * 60 * 1000;

/// How long after the making of its id a request is looked for that is not whole within [`REQUEST_AFTER_ID_MS`], in
/// milliseconds: a day. What comes later is not shown with it.
pub const REQUEST_LONG_MS: i64 = 24 * 60 * 60 * 1000;

/// How much earlier and later than its known events those of a request are read, in milliseconds: 5 minutes.
pub const REQUEST_AROUND_MS: i64 = 5 * 60 * 1000;

/// Of so much time before its end (of one without an end: after its begin) the errors of a request are counted in a list,
/// in milliseconds: an hour.
pub const REQUEST_ERRORS_MS: i64 = 60 * 60 * 1000;

/// Most hops that are read at once to find the outermost ones among them.
pub(super) const REQUEST_HOPS_AT_ONCE: u32 = 5_000;

/// So many of their callers are looked up with one statement, whose parameters go into a URL.
pub(super) const REQUEST_PARENTS_AT_ONCE: usize = 500;

/// Longest time in which unfinished requests are looked for, in milliseconds: 7 days. A longer one is refused with 422.
pub const UNFINISHED_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1000;

/// So much of it is read at once, in milliseconds: the ends of all requests of that time are kept in memory.
pub(super) const UNFINISHED_SLICE_MS: i64 = 6 * 60 * 60 * 1000;

/// How long after its begin the end of a request is looked for, in milliseconds: an hour. One that takes longer counts
/// as unfinished in a list.
pub(super) const UNFINISHED_AFTER_MS: i64 = 60 * 60 * 1000;

/// How many records of one request are answered if the client names no number.
pub const REQUEST_RECORDS: u32 = 10_000;

/// Most records of one request. More is refused with 422.
pub const REQUEST_RECORDS_MAX: u32 = 100_000;

/// How far back events are searched if the client names no time, in milliseconds: one day.
pub const SEARCH_BACK_MS: i64 = 24 * 60 * 60 * 1000;

/// How far before and behind an event its neighbours are looked for, in milliseconds: a day.
pub const AROUND_MS: i64 = 24 * 60 * 60 * 1000;

/// How many values of a facet are answered if the client names no number.
pub const FACET_VALUES: u32 = 20;

/// Most values of a facet. More is refused with 422.
pub const FACET_VALUES_MAX: u32 = 500;

/// Most fields whose values one request may count. More is refused with 422.
pub const FACET_FIELDS_MAX: usize = 8;

/// How many steps a histogram of events has about, if the client names none.
pub const HISTOGRAM_STEPS: i64 = 60;

/// Most steps of a histogram of events. A shorter step is refused with 422.
pub const HISTOGRAM_STEPS_MAX: i64 = 3_000;

/// Most rows of a histogram of events: every level that there is in each step.
pub(super) const HISTOGRAM_ROWS_MAX: u32 = 3_001 * 256;

/// Least time of whole quarters of an hour that is answered from what is counted already, in milliseconds: an hour. In a
/// shorter one the events themselves are counted.
pub(super) const COUNTED_MS_MIN: i64 = 60 * 60 * 1000;

/// Most batches that one look for those of other servers gives.
pub(super) const NEW_BATCHES_MAX: u32 = 4_096;

/// How long a statement of somebody else's (`POST /api/v1/sql`) may take if nothing is said, in seconds: until the last byte of
/// its answer has gone out. Beyond it the request fails with 422 `time_limit`.
pub const SQL_SECONDS: u32 = 30;

/// Longest time that can be asked for, in seconds. More is refused with 422. The embedded ClickHouse's reader has the same limit
/// (`LOG_CENTER_ENGINE_READER_MAX_EXECUTION_SECONDS`); one that is set lower makes longer ones fail.
pub const SQL_SECONDS_MAX: u32 = 60;

/// How much longer a statement is waited for than ClickHouse was told that it may take: the way there and back.
pub const SQL_GRACE: Duration = Duration::from_secs(2);

/// Memory that such a statement may take in ClickHouse, in bytes: 400 MiB. Beyond it the request fails with 422 `memory_limit`.
pub const SQL_MEMORY_BYTES: u64 = 400 << 20;

/// Bytes of an answer in JSON or CSV, as they lie in ClickHouse's memory one after the other: 256 MiB. Beyond it the request
/// fails with 422 `bytes_limit`.
pub const SQL_STREAMED_BYTES: u64 = 256 << 20;

/// The same for Parquet and Arrow: 64 MiB. The embedded ClickHouse makes these as a whole, beside all else that needs its memory.
pub const SQL_WHOLE_BYTES: u64 = 64 << 20;

/// Most rows in an answer. More cannot be asked for.
pub const SQL_ROWS_MAX: u32 = 1_000_000;

/// Rows in a JSON answer if nothing is said; the other formats have [`SQL_ROWS_MAX`].
pub const SQL_JSON_ROWS: u32 = 10_000;

/// Such statements that run at the same time. One more is answered with 503 `overloaded`.
pub const SQL_AT_ONCE: usize = 4;

/// Largest body of such a request, in bytes: 256 KiB. More is answered with 413. ClickHouse reads statements of as much.
pub const SQL_BODY_BYTES: usize = 256 << 10;

/// Most parameters of such a statement. More are refused with 422.
pub const SQL_PARAMETERS: usize = 100;

/// Longest message of ClickHouse's that is passed on, in bytes. The rest is cut off.
pub const SQL_MESSAGE_BYTES: usize = 2 << 10;

/// Most rows behind one answer of figures: what it is about times its steps. More is refused with 422.
pub const STATS_ROWS_MAX: u32 = 100_000;

/// How far back projects are looked for if the client names no time, in milliseconds: 30 days.
pub const PROJECTS_BACK_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Most projects that are answered: those seen last.
pub const PROJECTS_MAX: u32 = 1_000;
