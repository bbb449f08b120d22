//! How large a statement becomes when ClickHouse puts in the place of each name what it stands for.
//!
//! `WITH a AS (SELECT 1), b AS (SELECT * FROM a, a), c AS (SELECT * FROM b, b) …` doubles with each step, and planning it takes as long as
//! writing it out would. No time limit ends that.

use std::collections::HashMap;

use super::Refusal;

/// Most SELECTs of a statement with all names put in. ClickHouse plans some five hundred in a second, and takes more than twice as long for
/// twice as many.
const MAX_SELECTS: u64 = 500;

/// Most nodes of a tree with all names put in.
const MAX_NODES: u64 = 500_000;

/// Most names that stand for one another in a row.
const MAX_DEPTH: usize = 500;

/// The node of a common table.
const COMMON: &str = "WithElement";

/// A part of the tree that has a name, or the whole.
#[derive(Debug, Default)]
struct Part<'tree> {
    size: Size,
    /// Parts inside of it, which are there once whether they are named again or not.
    inside: Vec<usize>,
    names: Vec<&'tree str>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Size {
    nodes: u64,
    selects: u64,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.selects = self.selects.saturating_add(other.selects);
    }

    fn at_least(&mut self, other: Self) {
        self.nodes = self.nodes.max(other.nodes);
        self.selects = self.selects.max(other.selects);
    }
}

/// Refuses a tree, as `EXPLAIN AST` writes it, that becomes too large. `common` are the names of its common tables (`WITH name AS (…)`) in
/// their order, which a tree leaves out.
///
/// # Errors
/// It does.
pub(super) fn check(tree: &str, common: &[String]) -> Result<(), Refusal> {
    let (parts, names) = parts(tree, common);
    let mut known = vec![None; parts.len()];
    let whole = expanded(0, &parts, &names, &mut known, 0)?;
    if whole.selects > MAX_SELECTS || whole.nodes > MAX_NODES { Err(Refusal::Expansion) } else { Ok(()) }
}

fn parts<'tree>(
    tree: &'tree str,
    common: &'tree [String],
) -> (Vec<Part<'tree>>, HashMap<&'tree str, Vec<usize>>) {
    let is_common = |line: &str| line.trim_start_matches(' ').starts_with(COMMON);
    // If they are not as many, any may be any.
    let are_known = tree.lines().filter(|line| is_common(line)).count() == common.len();
    let mut coming = common.iter();
    let mut parts = vec![Part::default()];
    let mut names: HashMap<&'tree str, Vec<usize>> = HashMap::new();
    // The parts that the present node is in, with the depths at which they begin.
    let mut above = vec![(0, 0)];
    for line in tree.lines() {
        let node = line.trim_start_matches(' ');
        let depth = line.len() - node.len() + 1;
        while above.last().is_some_and(|(begins, _)| *begins >= depth) {
            above.pop();
        }
        let mut at = above.last().map_or(0, |(_, part)| *part);
        let (kind, rest) = node.split_once(' ').unwrap_or((node, ""));
        let name = rest.split(" (").next().unwrap_or_default();
        if matches!(kind, "Identifier" | "TableIdentifier" | "Function") {
            parts[at].names.push(name);
            // `a.b` may be a member of `a`.
            parts[at].names.extend(name.split_once('.').map(|(first, _)| first));
        }
        let named: Vec<&str> = match alias(rest) {
            Some(alias) => vec![alias],
            None if kind != COMMON => Vec::new(),
            None if are_known => coming.next().map(String::as_str).into_iter().collect(),
            None => common.iter().map(String::as_str).collect(),
        };
        if !named.is_empty() {
            let inside = parts.len();
            parts[at].inside.push(inside);
            parts.push(Part::default());
            for name in named {
                names.entry(name).or_default().push(inside);
            }
            above.push((depth, inside));
            at = inside;
        }
        parts[at].size.add(Size { nodes: 1, selects: u64::from(kind == "SelectQuery") });
    }
    (parts, names)
}

/// The name in `… (alias name) (children 2)`.
fn alias(rest: &str) -> Option<&str> {
    let (_, named) = rest.split_once("(alias ")?;
    let named = named.rsplit_once(" (children ").map_or(named, |(named, _)| named);
    named.strip_suffix(')')
}

fn expanded(
    part: usize,
    parts: &[Part<'_>],
    names: &HashMap<&str, Vec<usize>>,
    known: &mut [Option<Size>],
    depth: usize,
) -> Result<Size, Refusal> {
    if let Some(size) = known[part] {
        return Ok(size);
    }
    if depth > MAX_DEPTH {
        return Err(Refusal::Expansion);
    }
    // What names itself, as `x AS x` and a recursive WITH do, is put in once.
    known[part] = Some(Size::default());
    let mut size = parts[part].size;
    for inside in &parts[part].inside {
        size.add(expanded(*inside, parts, names, known, depth + 1)?);
    }
    for name in &parts[part].names {
        let mut largest = Size::default();
        for named in names.get(name).map_or(&[][..], Vec::as_slice) {
            largest.at_least(expanded(*named, parts, names, known, depth + 1)?);
        }
        size.add(largest);
    }
    known[part] = Some(size);
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::fmt::Write as _;

    /// The names and the tree of so many common tables, each of which names the one before it twice.
    fn doubling(steps: usize) -> (Vec<String>, String) {
        let mut tree = "SelectWithUnionQuery\n WithElement\n  SelectQuery\n".to_owned();
        for step in 1..steps {
            let before = step - 1;
            _ = write!(
                tree,
                " WithElement\n  SelectQuery\n   TableIdentifier a{before} (alias l)\n   TableIdentifier a{before}\n"
            );
        }
        _ = writeln!(tree, " SelectQuery\n  TableIdentifier a{}", steps - 1);
        ((0..steps).map(|step| format!("a{step}")).collect(), tree)
    }

    #[test]
    fn names_count_as_what_they_stand_for() {
        for (steps, is_small) in [(6, true), (12, false), (200, false)] {
            let (mut names, tree) = doubling(steps);
            assert_eq!(check(&tree, &names).is_ok(), is_small, "{steps}");
            names.push("w".to_owned());
            assert!(is_small || check(&tree, &names).is_err(), "{steps}");
        }
    }

    #[test]
    fn what_names_itself_counts_once() {
        let tree = "SelectQuery\n Function plus (alias x) (children 1)\n  Identifier x\n Identifier x\n";
        assert!(check(tree, &[]).is_ok());
    }
}
