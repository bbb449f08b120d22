//! The limits of the spool. Sizes are in bytes unless the name says otherwise.

/// How much may wait for ClickHouse unless configured otherwise: 4 GiB. At 1 KB a report about four million reports.
pub const DEFAULT_MAX_BYTES: u64 = 4 << 30;

/// How many requests may wait for the disk at once. More are answered with 503.
pub const WAITING_SUBMISSIONS: usize = 16_384;

/// How many bytes of rows may wait for the disk at once: 128 MiB. More are answered with 503.
pub const WAITING_BYTES: usize = 128 << 20;

/// How many requests one write to the disk takes along.
pub const GROUP_SUBMISSIONS: usize = 4_096;

/// How many bytes one write to the disk takes along, unless a single request is larger: 16 MiB.
pub const GROUP_BYTES: usize = 16 << 20;

/// How much room is left on the disk for ClickHouse to merge and for the spool to shrink: 64 MiB, or a twentieth of
/// a disk smaller than 1.25 GiB. With less, everything new is refused.
pub const HEADROOM_BYTES: u64 = 64 << 20;

/// How often the disk is looked at although nothing comes, in milliseconds. So soon a server with a full disk says that it
/// is not ready, and so soon it is ready again when there is room.
pub const ROOM_CHECK_MS: u64 = 1_000;

/// How soon a request is refused while the disk is failing, in milliseconds.
pub const REOPEN_STEP_MS: u64 = 20;

/// A failed disk is tried again after so many of these steps: half a second.
pub const REOPEN_ATTEMPT_STEPS: u32 = 25;

/// How exactly the spool knows since when its oldest event waits, in milliseconds. It notes one time for each such step
/// in which something came: a day without ClickHouse is 86,400 of them, 1.4 MB.
pub const LAG_STEP_MS: i64 = 1_000;

/// Rows of one batch that goes to ClickHouse, unless a single entry holds more.
pub const FROZEN_ROWS: usize = 150_000;

/// Bytes of one batch as ClickHouse is sent them, unless a single entry is larger: 48 MiB. Server and engine each hold so
/// much of it at once.
pub const FROZEN_BYTES: usize = 48 << 20;

/// Batches of one slice of the late lane, unless a single day has more: what is fresh waits for so many inserts at most.
pub const SLICE_BATCHES: usize = 4;

/// How much journal may lie beside the sorted files: 64 MiB, the least that the store below takes. It is read back at each
/// start.
pub const JOURNAL_BYTES: u64 = 64 << 20;

/// The block cache of the store below: 16 MiB.
pub const CACHE_BYTES: u64 = 16 << 20;

/// What the entries keep in memory before they go into a sorted file: 16 MiB.
pub const ENTRIES_MEMTABLE_BYTES: u64 = 16 << 20;

/// What each index keeps in memory before it goes into a sorted file: 8 MiB.
pub const INDEX_MEMTABLE_BYTES: u64 = 8 << 20;

/// Expired idempotency keys removed by one write, beyond as many as it adds.
pub const KEYS_EXPIRED_AT_ONCE: u64 = 64;

/// So much of what waits is looked through for missing places at the start: twice what journals hold.
pub const HOLES_BYTES: u64 = 2 * JOURNAL_BYTES;

/// A spool in which so many bytes wait is counted at each start: 256 MiB, which takes about a second. A larger one is counted
/// only if something else says that it was damaged, or places are missing among its last entries.
pub const COUNTED_BYTES: u64 = 256 << 20;
