//! As much of ClickHouse's grammar as a front needs: tokens, where the data of an INSERT begins, which
//! format an answer has, and what of a reader's statement may run.

mod insert;
pub mod judge;
mod kill;
mod lexer;
mod statement;

pub(crate) use insert::{Head, find_head};
pub(crate) use kill::{Id as KillId, kill_order};
pub use statement::answer_format;
pub(crate) use statement::{Effect, changes_descriptions, effect, is_use, refuse_files, refuse_several};
