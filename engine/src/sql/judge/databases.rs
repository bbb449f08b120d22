//! Which databases a reader may read, and see at all.
//!
//! What a statement names is in its tree. What it could learn from tables about all tables, be it by SHOW or `information_schema`, is
//! chosen by conditions on those tables ([`Databases::filters`]) that ClickHouse applies wherever they are read.

use super::Refusal;
use super::filters::Filter;
use super::tree::children;

/// The databases that are for readers, besides those about ClickHouse itself.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    /// Empty: all of them.
    names: Vec<String>,
}

/// Tables of `system` that tell of tables in all databases, by their column `database`.
const ABOUT_TABLES: [&str; 15] = [
    "columns",
    "constraints",
    "data_skipping_indices",
    "detached_parts",
    "dropped_tables",
    "merges",
    "moves",
    "mutations",
    "parts",
    "parts_columns",
    "projection_parts",
    "projection_parts_columns",
    "projections",
    "tables",
    "view_refreshes",
];

/// Databases about ClickHouse itself.
const OWN: [&str; 3] = ["system", "information_schema", "INFORMATION_SCHEMA"];

/// Functions whose second argument may be a table.
const IN: [&str; 8] =
    ["in", "globalin", "notin", "globalnotin", "nullin", "globalnullin", "notnullin", "globalnotnullin"];

impl Databases {
    /// Only these; all if there are none.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// The one that a reader's names without a database belong to, if he names none himself.
    #[must_use]
    pub fn usual(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Whether a reader may read from it.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.names.is_empty() || OWN.contains(&name) || self.names.iter().any(|allowed| allowed == name)
    }

    /// Conditions that leave out of the tables about all tables what is not for readers.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let names = self.names.iter().map(String::as_str).chain(OWN);
        let listed: Vec<String> =
            names.map(|name| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))).collect();
        let listed = listed.join(", ");
        let filter = |table: &str, column: &str| Filter {
            table: format!("system.{table}"),
            condition: format!("{column} IN ({listed})"),
        };
        let mut filters: Vec<Filter> = ABOUT_TABLES.iter().map(|table| filter(table, "database")).collect();
        // A table that came with the request is in no database.
        for about in &mut filters {
            about.condition = format!("{} OR database = ''", about.condition);
        }
        filters.push(filter("databases", "name"));
        filters
    }

    /// Checks the databases that a node of a tree names. `above` are the nodes that it is in, `later` how many of its siblings follow.
    pub(super) fn check_node(&self, node: &str, above: &[&str], later: usize) -> Result<(), Refusal> {
        if self.names.is_empty() {
            return Ok(());
        }
        let (kind, rest) = node.split_once(' ').unwrap_or((node, ""));
        let name = rest.split(" (").next().unwrap_or_default();
        let parent = above.last().copied().unwrap_or_default();
        let parent_kind = parent.split(' ').next().unwrap_or_default();
        let is_database = match kind {
            "TableIdentifier" => return self.check_qualified(name),
            "Identifier" if parent_kind == "ExpressionList" && later == 0 && is_in(above) => {
                return self.check_qualified(name);
            }
            // `ShowCreateTableQuery database table (children 2)`, without a database `ShowCreateTableQuery  table (children 1)`.
            "Identifier" if parent_kind.starts_with("ShowCreate") || parent_kind.starts_with("Exists") => {
                let names_database = !parent[parent_kind.len()..].starts_with("  ");
                names_database && children(parent) == later + 1
            }
            _ => false,
        };
        if is_database && !self.allows(name) {
            return Err(Refusal::Database(name.to_owned()));
        }
        Ok(())
    }

    fn check_qualified(&self, name: &str) -> Result<(), Refusal> {
        match name.split_once('.') {
            Some((database, _)) if !self.allows(database) => Err(Refusal::Database(database.to_owned())),
            _ => Ok(()),
        }
    }
}

/// Whether the innermost function is one that takes a table.
fn is_in(above: &[&str]) -> bool {
    let function = above.iter().rev().nth(1).and_then(|node| node.strip_prefix("Function "));
    let name = function.and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_ascii_lowercase();
    IN.contains(&name.strip_suffix("ignoreset").unwrap_or(&name))
}
