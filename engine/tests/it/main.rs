//! The engine from outside: a process of its own, real clients, real ClickHouse.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bad_requests;
mod callers;
mod cancel;
mod codecs;
mod crate_client;
mod databases;
mod external;
mod hostile;
mod inherited;
mod insert;
mod kill;
mod life;
mod native;
mod node_client;
mod planted;
mod process;
mod protocol;
mod reader;
mod sandbox;
mod session;
mod shares;
mod stream;
