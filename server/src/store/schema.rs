//! The schema as text, for whoever wants to read it.

use super::migrations;
use std::collections::BTreeSet;

/// A file of `migrations/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name: `0001_event_store`, `views/events`.
    pub name: &'static str,
    /// Its statements, in order, without a semicolon at their end.
    pub statements: Vec<String>,
}

/// All tables and views of this program, in the order in which the server makes them.
pub fn parts() -> Vec<Part> {
    migrations::parts()
}

/// Whether a part is a view that holds nothing itself.
pub fn is_view(name: &str) -> bool {
    name.starts_with(migrations::VIEW_PREFIX)
}

/// The names of all tables and views of this program.
pub fn names() -> BTreeSet<String> {
    migrations::names()
}
