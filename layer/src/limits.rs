//! Every limit of the layer, in one place. A size is in bytes; inside a line it is the size after escaping, so
//! that the sum below holds whatever the text is made of. What is cut ends with `…`.

use std::time::Duration;

/// Longest `msg`.
pub const MESSAGE_BYTES: usize = 16 << 10;

/// Longest value of one extra field.
pub const VALUE_BYTES: usize = 16 << 10;

/// Longest name of one extra field.
pub const KEY_BYTES: usize = 128;

/// Longest `extra`. Fields that find no room are left out and counted in `fields_dropped`.
pub const EXTRA_BYTES: usize = 64 << 10;

/// Most fields in `extra`, those of the spans included. The rest is counted in `fields_dropped`.
pub const EXTRA_FIELDS: usize = 128;

/// Longest `d.url`, `d.ip` and `d.ua`, each.
pub const CLIENT_TEXT_BYTES: usize = 4 << 10;

/// Longest `err.msg`.
pub const ERROR_MESSAGE_BYTES: usize = 16 << 10;

/// Longest `err.stack`.
pub const ERROR_STACK_BYTES: usize = 64 << 10;

/// Most callsites whose message is reported to have data in it, of each layer. More are not told of.
pub const MESSAGE_REPORTS: usize = 100;

/// Most errors followed from one to its source. A chain that bites its own tail ends here.
pub const ERROR_SOURCES: usize = 32;

/// Most spans, from the innermost outwards, whose fields are gathered into `extra`. The request's own fields are
/// found however deep the event lies.
pub const SPAN_DEPTH: usize = 256;

/// Most memory that records waiting for the server may take: default of
/// [`Builder::queue_bytes`](crate::Builder::queue_bytes).
pub const QUEUE_BYTES: usize = 8 << 20;

/// Most records that may wait for the server: default of
/// [`Builder::queue_records`](crate::Builder::queue_records).
pub const QUEUE_RECORDS: usize = 20_000;

/// Most memory of the flight recorder, for all requests that are under way and what it keeps to use again: default of
/// [`Builder::recorder_bytes`](crate::Builder::recorder_bytes).
pub const RECORDER_BYTES: usize = 32 << 20;

/// Most bytes of records that the flight recorder keeps of one request: default of
/// [`Builder::request_bytes`](crate::Builder::request_bytes).
pub const REQUEST_BYTES: usize = 256 << 10;

/// Most records that the flight recorder keeps of one request: default of
/// [`Builder::request_records`](crate::Builder::request_records).
pub const REQUEST_RECORDS: usize = 1_000;

/// Largest batch before compression. A batch is never more than a quarter of the queue.
pub const BATCH_BYTES: usize = 256 << 10;

/// Most records in a batch; the server takes ten thousand.
pub const BATCH_RECORDS: usize = 1_000;

/// How long the first record of a batch waits for company.
pub const LINGER: Duration = Duration::from_millis(50);

/// How long one attempt to send may take, from the name look-up to the end of the answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after the first failed attempt. It doubles with each further one, and a random half of it is jitter.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);

/// Longest pause between two attempts.
pub const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// Longest `Retry-After` that is obeyed; a longer one counts as this.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);

/// Largest answer of the server that is read. A longer one counts as no answer.
pub const ANSWER_BYTES: u64 = 4 << 20;

/// How long dropping the guard waits for the server: default of
/// [`Builder::flush_timeout`](crate::Builder::flush_timeout).
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Most bytes kept for a standard output that takes nothing at the moment (`EAGAIN`). What comes on top is lost
/// and counted.
pub const STDOUT_BACKLOG_BYTES: usize = 1 << 20;

/// Most bytes of batched lines, and of every write to standard output that holds more than one line. A pipe on
/// Linux takes as much in one piece (`PIPE_BUF`), so that lines of several processes do not mix.
pub const STDOUT_BATCH_BYTES: usize = 4 << 10;

/// How long a batched line waits for company
/// ([`Builder::batched_stdout`](crate::Builder::batched_stdout)).
pub const STDOUT_BATCH_DELAY: Duration = Duration::from_millis(100);

/// How long a panicking thread waits for its record to be written, be it that finding the names of a stack takes long
/// or that the writer does. If the process ends by the panic, the time for the flush comes on top.
pub const PANIC_TIMEOUT: Duration = Duration::from_secs(3);

/// Time between two samples of the process: default of
/// [`Builder::stat_interval`](crate::Builder::stat_interval).
pub const STAT_INTERVAL: Duration = Duration::from_secs(30);

/// Longest payload or body of a call, in bytes of what travels: default of `Call::payload` and `Call::body`
/// (feature `reqwest`).
pub const CALL_TEXT_BYTES: usize = 4 << 10;

/// First buffer that the flight recorder takes for a request.
pub(crate) const FIRST_RECORDING_BYTES: usize = 4 << 10;

/// Most buffers of closed requests that the flight recorder keeps for its next ones.
pub(crate) const KEPT_RECORDINGS: usize = 64;

/// Largest buffer that a thread or a closed span keeps for its next use.
pub(crate) const KEPT_BUFFER_BYTES: usize = 64 << 10;

/// Most closed spans whose buffers a thread keeps for its next ones.
pub(crate) const KEPT_SPANS: usize = 16;
