//! The Log Center backend.
//!
//! # The road of an event
//!
//! 1. A request arrives at [`api`], which hands it to [`intake`]: one function for every source. The body is read within
//!    the limits of the contract, decompressed on the way.
//! 2. [`sources`] turns a report or a record into an [`Event`](event::Event): fingerprint, issue, times. It is
//!    pure; what it refuses comes back with the field's name. Its fields are one table, [`event::columns`], which
//!    also says how it is encoded for ClickHouse.
//! 3. [`spool`] decides whether the event is new, a duplicate or a regression, and makes it durable on local disk.
//!    One thread does so for everybody who waits at that moment (group commit). Then the client is answered.
//! 4. [`writer`] takes what lies in the spool, freezes it into batches, inserts them into ClickHouse, and only
//!    then advances. After an unclear answer it looks what is there before it inserts anything again.
//! 5. [`store`] knows ClickHouse: the migrations, the named statements, and the row types that are also the
//!    answers of the reading half of [`api`]. [`trace`] puts the records of one request back together,
//!    [`search`] reads the language in which events are looked for, [`tail`] shows them as they arrive.
//!
//! [`serve`] starts all of these, together with ClickHouse itself ([`engine_child`]) unless a remote one is
//! configured, and stops them in the opposite order.
//!
//! Invariant: `api` is imported only by what serves it and by [`dashboard`], whose plain pages ask as the API does until
//! there is a dashboard that is a client; `sources` and `event` know neither spool nor store; the spool knows nothing of ClickHouse
//! but the bytes that will be sent to it. The commands that talk to a running server are the crate `log_center_cli`, which only
//! the program (`main.rs`) knows, and not this library.

pub mod api;
mod claim;
mod clock;
pub mod config;
pub mod dashboard;
pub mod engine_child;
mod error;
pub mod event;
mod file_limit;
mod follow;
pub mod intake;
mod listener;
pub mod log;
pub mod number;
pub mod parts;
pub mod print_schema;
pub mod readiness;
pub mod recurring;
mod schema_watch;
pub mod search;
mod seed;
pub mod serve;
pub mod sources;
pub mod spool;
pub mod store;
pub mod tail;
pub mod trace;
pub mod variables;
pub mod writer;

pub use error::{ApiError, ErrorBody, ErrorDetail, RETRY_AFTER_SECONDS};
