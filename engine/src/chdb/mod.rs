//! libchdb, made safe: the only place with unsafe code.
//!
//! [`Library`] is the loaded file, [`Engine`] ClickHouse started on a data directory, [`Connection`]
//! one session on it. A connection runs one statement at a time, which the types enforce: a result or
//! an insert borrows its connection mutably. Nobody outside this module knows about C.
//!
//! A new connection costs 0.1 ms, so each statement gets its own: settings and the session die with it.

mod connection;
mod engine;
mod insert;
mod library;
mod result;

pub(crate) use connection::Connection;
pub(crate) use engine::{Engine, leave};

pub(crate) use library::Library;
pub(crate) use result::{Counts, Rows, is_not_streamable};
