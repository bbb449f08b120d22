//! What ClickHouse adds up from `event_store` as rows arrive there.

/// A table that is filled from `event_store` by a materialized view. Its columns stand in the order of the select.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derived {
    /// The table.
    pub(crate) table: &'static str,
    /// What goes into it, with `{source}` in the place of the table that is read.
    pub(crate) select: &'static str,
}

macro_rules! derived {
    ($($table:literal),* $(,)?) => {
        &[$(Derived { table: $table, select: include_str!(concat!("sql/", $table, "_select.sql")) }),*]
    };
}

/// All of them.
pub(crate) const DERIVED: &[Derived] = derived![
    "issue_store",
    "issue_hour_store",
    "request_minute_store",
    "call_minute_store",
    "performance_minute_store",
    "event_count_store",
    "request_time_store",
];

impl Derived {
    /// The select over a source: the name of a table, or a subquery in parentheses.
    pub(crate) fn select_from(&self, source: &str) -> String {
        self.select.trim_end().replace("{source}", source)
    }
}
