//! The engine from outside: a process of its own, real clients, real ClickHouse.

mod bad_requests;
mod cancel;
mod codecs;
mod crate_client;
mod insert;
mod life;
mod node_client;
mod process;
mod reader;
mod sandbox;
mod session;
mod stream;
