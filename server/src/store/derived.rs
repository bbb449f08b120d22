//! What ClickHouse adds up from `event_store` as rows arrive there.

/// A table that is filled from `event_store` by a materialized view. Its columns stand in the order of the select.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derived {
    /// The table.
    pub(crate) table: &'static str,
    /// What goes into it, with `{source}` in the place of the table that is read.
    pub(crate) select: &'static str,
}

/// All of them.
pub(crate) const DERIVED: &[Derived] = &[
    Derived { table: "issue_store", select: include_str!("sql/issue_store_select.sql") },
    Derived { table: "issue_hour_store", select: include_str!("sql/issue_hour_store_select.sql") },
];

impl Derived {
    /// The select over a source: the name of a table, or a subquery in parentheses.
    pub(crate) fn select_from(&self, source: &str) -> String {
        self.select.trim_end().replace("{source}", source)
    }
}
