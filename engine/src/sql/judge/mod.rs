//! Whether a statement does nothing but read, as ClickHouse's own parser understood it.
//!
//! The caller's text is never run. [`scan`] refuses what has no place in any statement. ClickHouse then writes the statement as its
//! parser understood it ([`FORMAT`]): one statement, no comments, each clause and each name in the open. That canonical text is
//! checked by allow-lists ([`Judged::read`]: functions, settings, system tables, formats), then its tree ([`Judged::explain`],
//! [`Judged::check_tree`]: kinds of statements and nodes, table functions). What was checked is what runs.
//!
//! Nothing here talks to ClickHouse: the engine asks it in its own process, other programs over HTTP.

mod allowed;
mod canonical;
mod code;
mod columns;
mod databases;
mod expansion;
mod filters;
mod refusal;
mod scan;
mod token;
mod tree;

pub use allowed::{Limits, allows_format, allows_setting};
pub use canonical::Judged;
pub use columns::{Column, read_columns};
pub use databases::Databases;
pub use filters::{FILTERS, Filter, read_filters, write_filters};
pub use refusal::Refusal;
pub use scan::{check_marks, scan};
pub use tree::refuse_table_functions;

/// Gives the canonical text of the parameter `statement`; asked in the format `RawBLOB`.
pub const FORMAT: &str = "SELECT formatQuery({statement:String})";

/// The format that [`Judged::explain`] is asked in, for [`Judged::check_tree`].
pub const TREE_FORMAT: &str = "TSVRaw";

/// Limits on the parser, as settings of ClickHouse, for the statement and for what judges it.
///
/// Without them a text of 250 kB keeps the parser busy for many seconds, which no time limit ends. Parsing goes back at most so often
/// that it takes half a second; a statement of the cookbook needs a few hundred.
pub const PARSER_LIMITS: [(&str, u64); 6] = [
    ("max_query_size", 1 << 20),
    ("max_parser_depth", 500),
    ("max_parser_backtracks", 300_000),
    ("max_ast_depth", 500),
    ("max_ast_elements", 50_000),
    ("max_expanded_ast_elements", 500_000),
];

/// The parameter `statement` of [`FORMAT`], as ClickHouse reads the text of a parameter.
#[must_use]
pub fn as_parameter(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + sql.len() / 8);
    for character in sql.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\'' => text.push_str("\\'"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\0' => text.push_str("\\0"),
            other => text.push(other),
        }
    }
    text
}

/// What ClickHouse says of a syntax error, without the statement of [`FORMAT`] that only asked for it.
#[must_use]
pub fn syntax_error(said: &str) -> String {
    match (said.find(": In scope SELECT formatQuery("), said.rfind(" (SYNTAX_ERROR)")) {
        (Some(start), Some(end)) if start < end => format!("{}.{}", &said[..start], &said[end..]),
        (Some(start), _) => said[..start].to_owned(),
        _ => said.to_owned(),
    }
}

/// What ClickHouse says of a name that it does not know, without its guess at what was meant, which may be one that the caller must
/// not see.
#[must_use]
pub fn without_guess(said: &str) -> std::borrow::Cow<'_, str> {
    const GUESS: &str = " Maybe you meant ";
    let Some(start) = said.find(GUESS) else { return said.into() };
    let end = said[start..].find('?').map_or(said.len(), |end| start + end + 1);
    format!("{}{}", &said[..start], &said[end..]).into()
}
