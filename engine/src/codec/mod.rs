//! Compression on the wire: HTTP's content encodings and ClickHouse's own blocks, both ways, bounded.

mod answer;
mod blocks;
mod request;

pub(crate) use answer::{AnswerEncoding, Encoder, negotiate};
pub(crate) use request::{RequestEncoding, decoder};
