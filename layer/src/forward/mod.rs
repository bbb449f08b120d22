//! The road to the server: a bounded queue, and a plain thread that empties it.
//!
//! The thread belongs to no async runtime, so it outlives every one, and it runs with no subscriber, so nothing it
//! calls can log into the queue that it is emptying.

mod backoff;
mod http;
mod lines;
mod queue;
mod sender;
mod store;

pub(crate) use http::Endpoint;
pub(crate) use lines::Worth;
pub(crate) use queue::Queue;
pub(crate) use sender::Sender;
pub(crate) use store::Bounds;

/// Which records go to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ForwardMode {
    /// Those of level ERROR and up. They always carry `err`, so each is an occurrence of an issue.
    #[default]
    Errors,
}
