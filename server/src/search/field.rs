//! The fields that can be asked for. The table of fields says which there are.

pub use crate::event::field::Field;
pub(super) use crate::event::field::Kind;

use crate::event::columns::COLUMNS;
use std::sync::LazyLock;

/// All fields, in the order of the table.
pub(crate) static FIELDS: LazyLock<Vec<&'static Field>> =
    LazyLock::new(|| COLUMNS.iter().filter_map(|column| column.search.as_ref()).collect());

impl Field {
    /// The field of that name, in any letter case.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        FIELDS.iter().copied().find(|field| is_it(&field.name) || field.aliases.iter().any(&is_it))
    }

    /// Whether its values are few enough words to be counted each.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::LowerWord | Kind::Level)
    }
}
