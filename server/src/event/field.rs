//! What a search knows of a field.

/// A field of an event, as a search names it.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name in a search.
    pub name: &'static str,
    /// Other names that people try.
    pub aliases: &'static [&'static str],
    /// What it holds, as SQL over `event_store AS e`.
    pub(crate) column: &'static str,
    /// How it is compared.
    pub(crate) kind: Kind,
    /// Whether a facet can count its values: there must be few different ones.
    pub(crate) is_countable: bool,
}

/// How the values of a field are compared, and what it holds where an event does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As a whole, letter case included. Absent: empty.
    Word,
    /// As a whole; the column is in lower case, so letter case does not matter. Absent: empty.
    LowerWord,
    /// As one of these words. Absent: empty.
    Choice(&'static [&'static str]),
    /// By the text that it contains, in any letter case. Absent: empty.
    Text,
    /// By the values inside of its JSON, each as [`Kind::Text`]. Absent: empty.
    Json,
    /// As a number. Absent: NULL.
    Number,
    /// As a whole number. Absent: 0.
    Id,
    /// As a level, by its name or number. Never absent.
    Level,
    /// As a time. Never absent.
    Time,
}

/// The level by which an event counts, as SQL over `event_store AS e`: between two names the lower one.
pub(crate) const COUNTED_LEVEL: &str = "toUInt8(least(60, greatest(10, intDiv(e.level, 10) * 10)))";

/// Name, other names and kind of a field, as the table of fields has them.
pub(super) struct Search {
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    is_countable: bool,
}

impl Kind {
    /// A field that is compared so. Its other names are what people try.
    pub(super) const fn named(self, name: &'static str, aliases: &'static [&'static str]) -> Search {
        let is_countable = matches!(self, Kind::Word | Kind::LowerWord | Kind::Choice(_) | Kind::Level);
        Search { name, aliases, kind: self, is_countable }
    }
}

impl Search {
    /// The same, with values that can be counted although the kind alone does not say so.
    pub(super) const fn countable(self) -> Search {
        Search { is_countable: true, ..self }
    }

    /// The field that this column holds.
    pub(super) const fn of(self, column: &'static str) -> Field {
        let Search { name, aliases, kind, is_countable } = self;
        Field { name, aliases, column, kind, is_countable }
    }
}
