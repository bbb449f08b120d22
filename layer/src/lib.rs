//! A [`tracing`](https://docs.rs/tracing) layer that writes each event as one bunyan JSON line and sends the errors
//! to a Log Center server, where all that are the same become one issue.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _guard = log_center::layer("shop").version(env!("CARGO_PKG_VERSION")).init()?;
//!
//! tracing::info!(port = 8080, "listening");
//! if let Err(error) = "eighty".parse::<u16>() {
//!     tracing::error!(error = &error as &dyn std::error::Error, "bad port");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With `LOG_CENTER_URL=http://localhost:8002` in the environment the second event is an issue there a moment later;
//! without it, both are lines on standard output.
//!
//! # The road of an event
//!
//! 1. A span opens: its fields are formatted, escaped and kept with a link to the span around it. A field that is
//!    recorded later replaces what was there, and every open child sees it.
//! 2. An event comes. Its callsite says whether it is written, and whether the forwarder is to have it; if neither,
//!    that is all. Its fields are formatted and escaped into the buffers of the thread. This is the only
//!    moment at which foreign code runs (`Debug`, `Display`, `Error`); no lock is held, a panic is caught and the
//!    value reads `<panicked>`, and what it logs itself is written up to one event deep.
//! 3. The pieces are put side by side into one line: the base fields, `msg`, the columns that the spans around it
//!    set, `err` if it is an ERROR, and the rest in `extra`. Nothing is allocated once the thread is warm.
//! 4. The line goes to the writer in one piece, standard output by default. A full or closed pipe costs lines, not
//!    the program. [`Builder::batched_stdout`] writes several together, for a fraction of the cost.
//! 5. What the server is to have ([`ForwardMode`]: the ERRORs, all, or all of the requests that went wrong) is appended
//!    to the queue of the forwarder, a thread of its own, which sends it in compressed batches, repeats what failed
//!    under the same idempotency key, and counts what is lost ([`Guard::counts`]). In
//!    [`OnError`](ForwardMode::OnError) it goes into the buffer of its request before, which goes to the queue when the
//!    request meets an ERROR or a panic or takes too long, and is forgotten when the request ends without. Dropping the
//!    [`Guard`] sends the rest.
//!
//! # From start to end
//!
//! With [`Builder::init`] the layer is the program's own, and tells of the process, too. With [`Builder::build`] each
//! of these is there when it is asked for ([`Builder::start_record`], [`stat_interval`](Builder::stat_interval),
//! [`panic_hook`](Builder::panic_hook)).
//!
//! - `service started`, scope `desc`, says in `extra` what runs: program, operating system, architecture, cores, how
//!   it was built, and which records are forwarded.
//! - `process sample`, scope `stat`, every 30 s on Linux: `perf.rss` in bytes, `perf.cpu` in percent of one core since
//!   the sample before, threads and open files in `extra`; with the feature `tokio` also the workers, living tasks and
//!   global queue of a runtime. A thread of the layer's own takes it.
//! - A panic is an ERROR `panic` with the panic's own message, file and line, in the request of the span around it.
//!   A request that ends by it tells it in its `client-res` and nowhere else. If the process ends by it, there is a
//!   FATAL `panic ends the process` with the same `event_id`, so that it counts once. That is known when the panic
//!   unwinds past the guard, or when it must not unwind at all: built with `panic = "abort"`, through
//!   `extern "C"`, out of a destructor that runs for another panic. Everything is flushed then.
//!
//! These records obey the program's filter under the target `log_center::process`.
//!
//! What was logged before the process ends:
//!
//! | the end | line by line | batched | for the server |
//! |---|---|---|---|
//! | the guard is dropped: end of `main`, a panic in it, a signal that the program handles | written | written | sent |
//! | a panic that aborts | written | written | sent |
//! | `exit` on the main thread, or the guard forgotten | written | written¹ | sent¹ |
//! | `exit` on another thread | written | written¹ if that thread has logged | lost if younger than some 50 ms |
//! | `abort`, a signal that nobody handles, `SIGKILL` | written | lost if younger than 100 ms, but for all up to the last ERROR | lost if younger than some 50 ms |
//!
//! "Sent" means within [`Builder::flush_timeout`], and if the server takes it. ¹ On Linux with glibc and on macOS,
//! where the destructors of a thread's own variables run at `exit`, and for what was logged before that.
//!
//! A forked child has threads, a queue and a connection of its own, writes its own process id, and leaves alone what
//! waits in its parent's. That holds from the next millisecond on that a thread logs in, and at once for what is an
//! ERROR.
//!
//! # What becomes of a field
//!
//! - `message` is `msg`: a constant text without data, so that records can be counted by it. A callsite of the
//!   program's own workspace that formats data into it is told of in a record of its own, once
//!   ([`Builder::report_formatted_messages`]).
//! - On a **span**, `req_id`, `rrdid`, `uid`, `span_id` and `parent_id` are the columns of that name, in every record
//!   inside the span; `url`, `ip` and `ua` of a span that declares `req_id` are the client's, in `d`. A record with
//!   a `req_id` has `scope` `visit`, every other `desc`. A value that the server would refuse (a `req_id` with
//!   spaces, a `span_id` that is not 16 hex digits) goes to `extra` instead.
//! - On an ERROR, a `dyn Error` becomes `err` with the whole chain of its sources; so does a field called `error`,
//!   `err` or `exception` in whatever form; else `err` is made of the message. `err.type` is the name at the start
//!   of the error's `Debug` (`Declined`, `ParseIntError`), or `Error`. `err.file_path` and `err.line_number` are
//!   those of the event.
//! - Everything else, on events and spans, is in `extra` as `key=value`, whatever it is called, quoted where it
//!   must be ([`testing::parse_extra`] reads it back).
//!
//! [`biz!`] writes a record for analysts, and [`fatal!`] one that calls for an operator.
//!
//! # What is not shown
//!
//! A field whose name says that it is a secret is `[redacted]`, on events and spans: its value is not even formatted.
//! A name is taken as its words, split at everything that is no letter or digit and at camelCase, in any letter case.
//!
//! - Wherever they stand: `authorization`, `credential`, `credentials`, `passphrase`, `passwd`, `password`,
//!   `passwords`, `pwd`, `secret`, `secrets` (`db.password`, `password_hash`).
//! - As the last words, which say what the value is (`access_token` and `x-auth-token`, not `token_count`): `bearer`,
//!   `cookie`, `cookies`, `csrf`, `cvc`, `cvv`, `jsessionid`, `jwt`, `otp`, `phpsessid`, `token`, `xsrf`;
//!   `access key`, `access token`, `api key`, `auth token`, `card number`, `encryption key`, `private key`,
//!   `refresh token`, `session id`, `session key`, `signing key`, most of them written as one word, too.
//!
//! The same goes for the parameters in `d.url` and in fields called `url`, `uri`, `referer` and `location`, where the
//! password before a host is hidden as well, and for keys in the JSON and the forms that `call` captures. Words inside
//! of other texts are not looked at: the message is a constant text, and `error` is shown. See
//! [`Builder::redact_keys`], [`Builder::keep_keys`] and [`Builder::redact`].
//!
//! # What is the crate's own
//!
//! Begin and end of requests and calls are told by the crate itself (`request` with the feature `tower` or `axum`,
//! `call` with `reqwest`). Their columns, `event`, `tm`, `service_req` and `service_res`, are beyond every
//! application's reach.
//!
//! - The `Debug` of an error of `anyhow` or the like, of several lines, is taken apart: its first line is `err.msg`,
//!   causes and backtrace are in `err.stack`. On an ERROR, a field called `backtrace` goes there, too; without one,
//!   the way to the event does, if [`Builder::backtraces`] is on and `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks
//!   for it.
//! - What comes from the `log` crate by the bridge `tracing-log` is a record like any other: its target is the field
//!   `target`, and its file and line are those of `err`.
//!
//! No key comes twice: the last value wins, the event's over the inner span's over the outer span's.
//!
//! A record with `err` also has an `event_id`, 32 hex digits that no other record has: the same error that arrives
//! by two ways, sent by this crate and shipped from standard output, counts once.
//!
//! Every limit is in [`limits`].

// The examples of the README are compiled with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod builder;
#[cfg(feature = "reqwest")]
pub mod call;
mod callsite;
mod capture;
mod chain;
mod constancy;
mod counts;
mod error;
mod failure;
mod fields;
mod filter;
mod format;
mod forward;
mod guard;
#[cfg(any(feature = "tower", feature = "reqwest"))]
mod hop;
mod layer;
pub mod limits;
mod line;
mod markers;
mod process;
mod recorder;
mod redact;
#[cfg(feature = "tower")]
pub mod request;
mod scratch;
mod sink;
mod span;
mod stdout;
pub mod testing;
mod trace;
mod type_name;
mod variable;
mod visit;

pub use builder::{Builder, layer};
pub use counts::{Counts, LossReason};
pub use error::Error;
pub use forward::ForwardMode;
pub use guard::Guard;
pub use layer::LogCenterLayer;
#[doc(hidden)]
pub use markers::__private;

/// The variables whose names begin with `LOG_CENTER_` that this crate reads. For programs that look for misspelt ones.
pub const VARIABLES: &[&str] = variable::OWN;
