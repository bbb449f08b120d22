//! The layer, seen from outside: what it writes, and what reaches a server.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod backend;
mod calls;
mod child;
#[cfg(unix)]
mod ends;
mod faults;
#[cfg(unix)]
mod forked;
mod forwarding;
mod hops;
mod json;
mod markers;
mod modes;
mod overload;
mod panics;
mod peers;
mod property;
mod recorder;
mod records;
mod requests;
mod samples;
mod service;
mod settings;
#[cfg(unix)]
mod stdout;
