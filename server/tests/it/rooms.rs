//! Who knows whom inside of the server: as ARCHITECTURE.md says, and never around in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What only puts the others together.
const ROOTS: [&str; 2] = ["lib", "main"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The names behind `crate::` in a text, also those in braces: `crate::{clock, store::Store}`.
fn named(text: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
            .collect()
    };
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(inside) = rest.strip_prefix('{') else {
            names.insert(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut is_start = true;
        for (at, character) in inside.char_indices() {
            if is_start && !character.is_whitespace() {
                names.insert(name(&inside[at..]));
                is_start = false;
            }
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_start = true,
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

/// Which module of the first level names which others.
fn used() -> Arrows {
    let source = root().join("src");
    let mut used = Arrows::new();
    for file in files(&source) {
        let below = file.strip_prefix(&source).unwrap();
        let module = below.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = module.trim_end_matches(".rs").to_owned();
        if !ROOTS.contains(&module.as_str()) {
            used.entry(module).or_default().extend(named(&read_to_string(&file).unwrap()));
        }
    }
    let modules: BTreeSet<String> = used.keys().cloned().collect();
    for (module, names) in &mut used {
        // What the crate's root re-exports is named, too; it belongs to nobody.
        names.retain(|name| name != module && modules.contains(name));
    }
    used
}

/// The rows of the table in ARCHITECTURE.md, in their order: `` | `module` | `known`, `known` | what it is | ``.
fn declared() -> Vec<(String, BTreeSet<String>)> {
    let text = read_to_string(root().parent().unwrap().join("ARCHITECTURE.md")).unwrap();
    let table = text.lines().skip_while(|line| !line.starts_with("| module | knows |")).skip(2);
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = table.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        (words(cells[1]).remove(0), words(cells[2]).into_iter().collect())
    });
    rows.collect()
}

/// The modules that lead back to themselves.
fn in_circles(arrows: &Arrows) -> Vec<&str> {
    let leads_back = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut ahead: Vec<&str> = vec![start];
        while let Some(module) = ahead.pop() {
            for next in arrows.get(module).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(next) {
                    ahead.push(next);
                }
            }
        }
        false
    };
    arrows.keys().map(String::as_str).filter(|module| leads_back(module)).collect()
}

#[test]
fn modules_know_those_that_the_architecture_says() {
    let (used, declared) = (used(), declared());
    let rows: BTreeSet<&String> = declared.iter().map(|(module, _)| module).collect();
    assert_eq!(rows, used.keys().collect(), "the modules in the table, and those in src");
    for (module, known) in &declared {
        assert_eq!(known, &used[module], "what `{module}` knows in the table, and in src");
    }
}

#[test]
fn nobody_leads_back_to_itself() {
    assert_eq!(in_circles(&used()), Vec::<&str>::new());
    // The table is in the order from the top to the bottom, so that no arrow goes up.
    let declared = declared();
    for (place, (module, known)) in declared.iter().enumerate() {
        for name in known {
            let of_known = declared.iter().position(|(module, _)| module == name);
            assert!(of_known > Some(place), "`{module}` knows `{name}`, which must stand below it");
        }
    }
}

#[test]
fn only_the_store_speaks_to_clickhouse() {
    let source = root().join("src");
    let others = files(&source).into_iter().filter(|file| !file.starts_with(source.join("store")));
    // Beside comments: the crate, or a client of it. That a record is a row of it, the table of fields says.
    let is_row = |line: &str| line.trim_start().starts_with("#[derive(") && line.contains("clickhouse::Row");
    let speaks =
        |line: &&str| line.contains("clickhouse::") && !line.trim_start().starts_with("//") && !is_row(line);
    for file in others {
        let text = read_to_string(&file).unwrap();
        assert_eq!(text.lines().find(speaks), None, "{}", file.display());
    }
}

#[test]
fn a_circle_would_be_seen() {
    let arrows = |text: &str| -> Arrows {
        let arrow = |word: &str| {
            let (from, to) = word.split_once('>').unwrap();
            (from.to_owned(), to.chars().map(String::from).collect())
        };
        text.split(' ').map(arrow).collect()
    };
    assert_eq!(in_circles(&arrows("a>b b>c c>")), Vec::<&str>::new());
    assert_eq!(in_circles(&arrows("a>b b>c c>b")), ["b", "c"]);
    assert_eq!(in_circles(&arrows("a>bd b>c c>a d>")), ["a", "b", "c"]);
    let text = "use crate::store::{Store, value::Time};\nuse crate::{clock, api::{self, query}};\nlet a = crate::parts::notice();";
    assert_eq!(named(text).into_iter().collect::<Vec<_>>(), ["api", "clock", "parts", "store"]);
}
