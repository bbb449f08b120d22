//! From events to what is stored of them. Pure: nothing here looks at a clock, a disk or a network.

mod block;
pub(crate) mod columns;
mod event;
mod identity;
mod native;
pub mod retention;
mod rowbinary;
mod senders;

pub use block::{Block, Encoder, Encoding, Occurrence};
pub use event::{Event, Source};
pub use identity::{Content, Identity, KeyField, RequestKey};
pub(crate) use native::push_head;
pub(crate) use rowbinary::RowWriter;
pub use senders::Senders;
