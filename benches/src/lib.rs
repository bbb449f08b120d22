//! What the load generators share.
//!
//! A generator is a process of its own, with one thread, so that it takes little of the machine that it shares with the
//! server. It starts a release server on an empty directory ([`target`]), prepares every byte that it will send
//! ([`reports`]), drives it over keep-alive connections ([`http`], [`load`]), each of which sends its next request when the
//! last one was answered, and checks every answer. Meanwhile `/proc` is read for memory and processor time
//! ([`usage`]). In the end ClickHouse is asked how much arrived, and figures, machine and command are written
//! down together ([`machine`], [`results`]).

pub mod batches;
pub mod http;
pub mod load;
pub mod machine;
pub mod reports;
pub mod results;
pub mod target;
pub mod traffic;
pub mod usage;
