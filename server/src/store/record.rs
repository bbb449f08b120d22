//! Events as they are answered: the columns that a statement selects for a [`Record`].

pub use crate::event::Record;

use crate::event::columns;

/// A statement with the columns of a [`Record`] in place of `{columns}`. It selects from `event_store AS e`.
pub(super) fn with_columns(statement: &str) -> String {
    statement.replace("{columns}", &columns::SELECT)
}
