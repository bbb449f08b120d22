//! Every limit of the contract, in one place. A size is in bytes unless the name says otherwise.

/// Largest body of a report, on the wire and after decompression. More is answered with 413.
pub const REPORT_BODY_BYTES: usize = 1 << 20;

/// Largest body of a batch of records as it comes over the wire. More is answered with 413.
pub const BATCH_WIRE_BYTES: usize = 8 << 20;

/// Largest body of a batch of records after decompression. More is answered with 413.
pub const BATCH_BODY_BYTES: usize = 64 << 20;

/// Most records in one batch. More is answered with 413.
pub const BATCH_RECORDS: usize = 10_000;

/// Longest name of a project (a record's `name`, a report's `project_id`).
pub const PROJECT_BYTES: usize = 128;

/// Longest name of an environment.
pub const ENVIRONMENT_BYTES: usize = 64;

/// Longest application version or commit hash.
pub const VERSION_BYTES: usize = 128;

/// Longest type of an error, e.g. `ValueError`.
pub const ERROR_TYPE_BYTES: usize = 512;

/// Longest path of the file in which an error was raised.
pub const FILE_PATH_BYTES: usize = 4096;

/// Longest host name.
pub const HOSTNAME_BYTES: usize = 255;

/// Longest id that a client gives to a user, a device or an event.
pub const CLIENT_ID_BYTES: usize = 256;

/// Longest request id, in visible ASCII characters.
pub const REQUEST_ID_CHARS: usize = 128;

/// Longest idempotency key (`Idempotency-Key`, `event_id`), in visible ASCII characters.
pub const IDEMPOTENCY_KEY_CHARS: usize = 128;

/// Deepest nesting of objects and arrays inside `context` or an unknown key of a record.
pub const JSON_DEPTH: usize = 64;

/// How long an idempotency key is remembered, in seconds: 24 hours.
pub const IDEMPOTENCY_SECONDS: u64 = 24 * 60 * 60;

/// How many idempotency keys are remembered. The oldest goes first.
pub const IDEMPOTENCY_KEYS: u64 = 1_000_000;

/// Longest note and longest actor of a change of an issue's state.
pub const TRANSITION_NOTE_BYTES: usize = 4096;

/// How far before the server's clock a client's time may lie, in milliseconds: 366 days. An older one is
/// replaced by the receiving time and kept beside it.
pub const TIME_PAST_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// How far after the server's clock a client's time may lie, in milliseconds: one day. A later one is replaced
/// by the receiving time and kept beside it.
pub const TIME_FUTURE_MS: i64 = 24 * 60 * 60 * 1000;
