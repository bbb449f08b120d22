//! The limits of an import. Sizes are in bytes unless the name says otherwise.

use std::time::Duration;

/// Records of one batch, half of what the server takes: 5,000.
pub(super) const BATCH_RECORDS: usize = 5_000;

/// Lines of one batch before compression: 4 MiB, half of what the server takes even without compression.
pub(super) const BATCH_BYTES: usize = 4 << 20;

/// Longest line: what a batch holds. A longer one is refused by its number and never kept in memory.
pub(super) const LINE_BYTES: usize = BATCH_BYTES;

/// Batches that are on their way to the server at once. One that waits for the server's disk costs nothing, so this is
/// more than the server has threads.
pub(super) const BATCHES_IN_FLIGHT: usize = 4;

/// Batches that are cut and wait to be sent.
pub(super) const BATCHES_WAITING: usize = 2;

/// What is read at once: 256 KiB.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// Chunks that are read and wait to be cut into lines.
pub(super) const CHUNKS_WAITING: usize = 8;

/// How long a line from a pipe may wait for others to come along.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// How much of the beginning of a file tells whether it is still the same: 4 KiB.
pub(super) const HEAD_BYTES: u64 = 4 << 10;

/// The first pause before something is sent again. It doubles with each failure, and is shortened by up to a half at random,
/// so that many do not come back at once.
pub(super) const BACKOFF_FIRST: Duration = Duration::from_millis(250);

/// The longest pause, unless the server itself asks for a longer one.
pub(super) const BACKOFF_MOST: Duration = Duration::from_secs(10);

/// The longest pause that a server may ask for.
pub(super) const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);

/// How long files wait for a server that has gone, in seconds, unless --patience says otherwise: five minutes.
pub(super) const PATIENCE_SECONDS: u64 = 300;

/// How long an interrupted import waits for the answers to what it has sent.
pub(super) const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Refused lines that are told one by one on standard error. All are counted, and --rejects keeps all.
pub(super) const TOLD_LINES: u64 = 20;
