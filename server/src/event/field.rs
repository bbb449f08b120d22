//! What a search knows of a field.

/// A field of an event, as a search names it.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name in a search.
    pub name: &'static str,
    /// Other names that people try.
    pub(crate) aliases: &'static [&'static str],
    /// What it holds, as SQL over `event_store AS e`.
    pub(crate) column: &'static str,
    /// How it is compared.
    pub(crate) kind: Kind,
}

/// How the values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As a whole.
    Word,
    /// The same, and it is stored in lower case.
    LowerWord,
    /// By what it contains.
    Text,
    /// As a number, which may be absent.
    Number,
    /// As a number that is 0 where it is absent.
    Id,
    /// As a level: by its name or number.
    Level,
}

/// Name, other names and kind of a field, as the table of fields has them.
pub(super) struct Search {
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
}

impl Kind {
    /// A field that is compared so. Its other names are what people try.
    pub(super) const fn named(self, name: &'static str, aliases: &'static [&'static str]) -> Search {
        Search { name, aliases, kind: self }
    }
}

impl Search {
    /// The field that this column holds.
    pub(super) const fn of(self, column: &'static str) -> Field {
        Field { name: self.name, aliases: self.aliases, column, kind: self.kind }
    }
}
