//! As much of ClickHouse's grammar as a front needs: tokens, where the data of an INSERT begins, which
//! format an answer has, and the few words that no client may use.

mod insert;
mod lexer;
mod read;
mod statement;

pub(crate) use insert::{Head, find_head};
pub use read::{Refusal, answer_format, check_read};
pub(crate) use statement::{Effect, effect, refuse_files, refuse_several};
