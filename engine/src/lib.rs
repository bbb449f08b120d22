//! ClickHouse in a process of its own, behind ClickHouse's HTTP interface.
//!
//! ClickHouse runs inside the process as libchdb, a shared library. This crate gives it what a server has
//! and the library lacks: the HTTP interface on loopback that ClickHouse's clients know, users, limits,
//! cancellation, a sandbox, and an orderly end. It knows nothing of Log Center.
//!
//! # The road of a statement
//!
//! 1. `accept` takes the connection, `http::service` the request. URL, headers and form become a
//!    `statement::Statement`; what is wrong with them is answered before anything runs. A page of
//!    another web site is refused before that, whatever it asks. Who shows no password, or uses GET, is a reader.
//! 2. `statement::settings` decides which settings the session begins with. A reader gets `readonly=1` and its
//!    limits, and may only choose what lifts none of them.
//! 3. `statement::running` enters it under its query id, `statement::admission` gives it a turn, or a place
//!    in the queue, or code 202.
//! 4. On a thread of its own, `statement::text` reads just as much of the body as is SQL. A new connection
//!    to the engine is made for it (0.1 ms), so no statement meets the settings of another.
//! 5. An INSERT's data goes on from the body into the engine, piece by piece; the answer comes after the
//!    commit. A SELECT's blocks go out as the engine makes them, packed as the client asked, those in format
//!    `Native` as its protocol has them (`native`). Neither is ever whole in memory, except answers in formats that are one document (`statement::layout`).
//! 6. An error before the first byte is an HTTP status with ClickHouse's code; later, it is the text at the
//!    end of a body that is then cut off, so that nobody takes it for whole.
//! 7. A client that goes away takes its statement along, by `KILL QUERY` from another connection. Only an
//!    INSERT whose data has arrived is committed regardless.
//!
//! # The life of the process
//!
//! [`run`] loads the library, takes the lock of the data directory (waiting for its holder to end), binds
//! its port, enters the sandbox, and only then lets ClickHouse and the runtime start their threads, which inherit the
//! sandbox. A stop lets inserts commit and cancels reads, within a deadline.
//!
//! # Invariants
//!
//! - Unsafe code is in `chdb` only.
//! - What is acknowledged survives SIGKILL.
//! - `system.processes` shows the HTTP query id of a statement in `Settings['log_comment']`; libchdb gives
//!   `query_id`s of its own.
//! - A reader's statement runs as ClickHouse's own parser understood it, after all of that was found on allow-lists ([`judge`], which
//!   other programs can ask, too), and under `readonly=1` besides.
//! - SQL reaches nothing outside the data directory where the kernel has Landlock, whoever sends it.

mod accept;
mod chdb;
mod codec;
mod config;
mod error;
mod exception;
mod http;
mod libchdb;
mod lock;
mod native;
mod options;
mod password;
mod sandbox;
mod serve;
pub mod site;
mod sql;
mod statement;
mod stop;

pub use error::Error;
pub use options::{MIN_MEMORY_BYTES, Options};
pub use password::Password;
pub use serve::run;
pub use sql::{answer_format, judge};
