//! The layer, seen from outside: what it writes, and what reaches a server.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod backend;
mod calls;
mod child;
mod errors;
mod forwarding;
mod hops;
mod json;
mod markers;
mod messages;
mod overload;
mod peers;
mod property;
mod records;
mod redaction;
mod requests;
mod service;
mod settings;
#[cfg(unix)]
mod stdout;
