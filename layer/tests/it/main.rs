//! The layer, seen from outside: what it writes, and what reaches a server.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod backend;
mod calls;
mod child;
mod faults;
mod forwarding;
mod hops;
mod json;
mod modes;
mod overload;
mod peers;
mod property;
mod recorder;
mod records;
mod requests;
mod service;
mod settings;
#[cfg(unix)]
mod stdout;
