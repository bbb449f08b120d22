//! The fields that can be asked for. The table of fields says which there are.

pub use crate::event::field::Field;
pub(super) use crate::event::field::Kind;

use crate::event::columns::COLUMNS;
use crate::event::field::COUNTED_LEVEL;
use std::sync::LazyLock;

/// All fields, in the order of the table.
pub static FIELDS: LazyLock<Vec<&'static Field>> =
    LazyLock::new(|| COLUMNS.iter().filter_map(|column| column.search.as_ref()).collect());

impl Kind {
    /// Whether a text is looked for inside of its values, and not as a whole one.
    pub(super) const fn is_contained(self) -> bool {
        matches!(self, Kind::Text | Kind::Json)
    }
}

impl Field {
    /// The field of that name, in any letter case.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
        FIELDS.iter().copied().find(|field| is_it(&field.name) || field.aliases.iter().any(&is_it))
    }

    /// Whether a facet can count its values.
    pub fn is_countable(&self) -> bool {
        self.is_countable
    }

    /// Its value as text, as SQL over `event_store AS e`; empty where an event does not have the field.
    pub(crate) fn value_sql(&self) -> String {
        let column = self.column;
        match self.kind {
            Kind::Level => format!("toString({COUNTED_LEVEL})"),
            Kind::Number => format!("ifNull(toString({column}), '')"),
            Kind::Id => format!("if({column} = 0, '', toString({column}))"),
            _ => format!("toString({column})"),
        }
    }
}
