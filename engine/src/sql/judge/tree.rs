//! The tree of a canonical text, as `EXPLAIN AST` writes it: a node a line, indented by its depth.

use super::{Databases, Refusal, allowed};

/// Kinds of statements that only read.
const STATEMENTS: [&str; 17] = [
    "DescribeQuery",
    "ExistsDatabaseQuery",
    "ExistsDictionaryQuery",
    "ExistsTableQuery",
    "ExistsViewQuery",
    "Explain",
    "SelectWithUnionQuery",
    "ShowColumns",
    "ShowCreateDatabaseQuery",
    "ShowCreateDictionaryQuery",
    "ShowCreateTableQuery",
    "ShowCreateViewQuery",
    "ShowEngineQuery",
    "ShowFunctions",
    "ShowIndexes",
    "ShowSetting",
    "ShowTables",
];

/// What they may consist of.
const NODES: [&str; 38] = [
    "ArrayJoin",
    "Asterisk",
    "ColumnsApplyTransformer",
    "ColumnsExceptTransformer",
    "ColumnsListMatcher",
    "ColumnsRegexpMatcher",
    "ColumnsReplaceTransformer",
    "ColumnsReplaceTransformer::Replacement",
    "ColumnsTransformerList",
    "DescribeQuery",
    "ExpressionList",
    "Function",
    "Identifier",
    "InterpolateElement",
    "Literal",
    "OrderByElement",
    "QualifiedAsterisk",
    "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher",
    "SampleRatio",
    "SelectIntersectExceptQuery",
    "SelectQuery",
    "SelectWithUnionQuery",
    "Set",
    "ShowColumns",
    "ShowTables",
    "StorageOrderByElement",
    "Subquery",
    "TableExpression",
    "TableIdentifier",
    "TableJoin",
    "TablesInSelectQuery",
    "TablesInSelectQueryElement",
    "WindowDefinition",
    "WindowListElement",
    "WithElement",
    "Explain",
    "TableFunctionExpression",
];

/// What may be explained, of a statement that only reads.
const EXPLAINED: [&str; 7] = ["", "AST", "ESTIMATE", "PIPELINE", "PLAN", "QUERY TREE", "SYNTAX"];

/// Checks that a tree holds nothing but reading, and that all of it is there.
///
/// A name with line ends in it adds lines, which can only lead to a refusal; it hides none.
///
/// # Errors
/// What it holds that a reader's statement must not.
pub(super) fn check_tree(tree: &str, databases: &Databases) -> Result<(), Refusal> {
    let mut parent = "";
    let mut above: Vec<&str> = Vec::new();
    // How many children of the nodes above are still to come.
    let mut expected: Vec<usize> = vec![1];
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let node = line.trim_start_matches(' ');
        let depth = line.len() - node.len();
        if expected.len() != depth + 1 {
            return Err(Refusal::Unclear);
        }
        let missing = expected.last_mut().filter(|missing| **missing > 0).ok_or(Refusal::Unclear)?;
        *missing -= 1;
        above.truncate(depth);
        databases.check_node(node, &above, *missing)?;
        above.push(node);
        expected.push(children(node));
        while expected.last() == Some(&0) {
            expected.pop();
        }
        check_node(node, parent)?;
        parent = node.split(' ').next().unwrap_or_default();
    }
    // Something is there, and nothing is missing.
    if parent.is_empty() || !expected.is_empty() { Err(Refusal::Unclear) } else { Ok(()) }
}

/// Refuses a tree that names any table function, those too that read nothing but their arguments.
///
/// # Errors
/// The first one.
pub fn refuse_table_functions(tree: &str) -> Result<(), Refusal> {
    let nodes = tree.lines().map(|line| line.trim_start_matches(' '));
    let named = nodes.clone().zip(nodes.skip(1)).find(|(parent, node)| {
        node.starts_with("TableFunctionExpression")
            || (parent.starts_with("TableExpression") && node.starts_with("Function "))
    });
    match named {
        Some((_, node)) => Err(Refusal::TableFunction(
            node.split(' ').nth(1).unwrap_or_default().chars().take(MAX_KIND_CHARS).collect(),
        )),
        None => Ok(()),
    }
}

/// The number in `Kind … (children 3)`.
pub(super) fn children(node: &str) -> usize {
    let number = node.rsplit_once(" (children ").and_then(|(_, number)| number.strip_suffix(')'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn check_node(node: &str, parent: &str) -> Result<(), Refusal> {
    let (kind, rest) = node.split_once(' ').unwrap_or((node, ""));
    let known: &[&str] = if parent.is_empty() { &STATEMENTS } else { &NODES };
    if !known.contains(&kind) {
        return Err(Refusal::Writes(kind.chars().take(MAX_KIND_CHARS).collect()));
    }
    let name = rest.split(" (").next().unwrap_or_default();
    match kind {
        "Explain" => check_explained(name),
        "Function" if parent == "TableExpression" && !allowed::allows_table_function(name) => {
            Err(Refusal::TableFunction(name.to_owned()))
        }
        "TableIdentifier" => check_table(name),
        _ => Ok(()),
    }
}

/// Most of a kind that an error repeats.
const MAX_KIND_CHARS: usize = 60;

fn check_explained(what: &str) -> Result<(), Refusal> {
    let kind = what.strip_prefix("EXPLAIN").map(str::trim);
    match kind {
        Some(kind) if EXPLAINED.contains(&kind) => Ok(()),
        _ => Err(Refusal::Writes(what.to_owned())),
    }
}

fn check_table(name: &str) -> Result<(), Refusal> {
    match name.split_once('.') {
        Some((database, table)) if allowed::is_system(database) && !allowed::allows_system_table(table) => {
            Err(Refusal::SystemTable(name.to_owned()))
        }
        _ => Ok(()),
    }
}
