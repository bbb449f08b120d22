//! The road to the server: a bounded queue, and a plain thread that empties it.
//!
//! The thread belongs to no async runtime, so it outlives every one, and it runs with no subscriber, so nothing it
//! calls can log into the queue that it is emptying.

mod backoff;
mod http;
mod key;
mod lines;
mod mode;
mod queue;
mod sender;
mod settings;
mod store;

pub(crate) use lines::Worth;
pub use mode::ForwardMode;
pub(crate) use queue::Queue;
pub(crate) use sender::Sender;
pub(crate) use settings::{Forwarding, Settings, Target};
