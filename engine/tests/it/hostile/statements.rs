//! Hostile statements of a reader, as many as one likes, the same ones for the same number.
//!
//! Used by the tests of the engine's interface and of the server's API.

/// What the statements are made of.
pub(crate) struct Material {
    /// Functions that the engine knows.
    pub(crate) functions: Vec<String>,
    /// Table functions that the engine knows.
    pub(crate) table_functions: Vec<String>,
    /// A file outside of the data directory that nobody may read or write.
    pub(crate) secret: String,
    /// A file that nobody may make.
    pub(crate) outside: String,
}

/// Blanks and marks that look like nothing, some of which ClickHouse takes for blanks.
const INVISIBLE: [char; 22] = [
    '\u{0}', '\u{1}', '\u{b}', '\u{c}', '\u{1c}', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{1680}',
    '\u{180e}', '\u{2000}', '\u{2003}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2028}', '\u{202f}',
    '\u{205f}', '\u{2060}', '\u{3000}', '\u{feff}',
];

/// Things that change something or reach outside. `{f}` is a file that must not be made, `{s}` one that must not be read.
const EFFECTS: [&str; 54] = [
    "SELECT 1 INTO OUTFILE '{f}'",
    "SELECT 1 INTO OUTFILE '{f}' TRUNCATE FORMAT CSV",
    "SELECT 1 INTO OUTFILE '{f}' APPEND FORMAT CSV",
    "SELECT 1 INTO OUTFILE 'metadata/planted.sql' FORMAT LineAsString",
    "SELECT 1 INTO OUTFILE 'metadata/default/planted.sql'",
    "SHOW TABLES INTO OUTFILE '{f}'",
    "DESCRIBE t INTO OUTFILE '{f}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{f}'",
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT 1",
    "INSERT INTO FUNCTION file('{f}', 'CSV', 'a UInt8') SELECT 1",
    "INSERT INTO t SELECT * FROM input('a UInt64')",
    "INSERT INTO t FROM INFILE '{s}' FORMAT CSV",
    "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
    "CREATE TABLE made (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE made (a UInt8)",
    "CREATE VIEW made AS SELECT 1",
    "CREATE FUNCTION made AS (x) -> x",
    "CREATE DATABASE made",
    "ATTACH TABLE made (a UInt8) ENGINE = Memory",
    "DROP TABLE t",
    "DETACH TABLE t PERMANENTLY",
    "TRUNCATE TABLE t",
    "RENAME TABLE t TO made",
    "EXCHANGE TABLES t AND made",
    "ALTER TABLE t DELETE WHERE 1",
    "ALTER TABLE t ADD COLUMN b UInt8",
    "ALTER TABLE t FREEZE",
    "DELETE FROM t WHERE 1",
    "UPDATE t SET a = 1 WHERE 1",
    "OPTIMIZE TABLE t FINAL",
    "BACKUP TABLE t TO File('{f}')",
    "RESTORE TABLE t FROM File('{f}')",
    "SYSTEM STOP MERGES",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "KILL QUERY WHERE 1",
    "KILL MUTATION WHERE 1",
    "SET readonly = 0",
    "USE system",
    "GRANT ALL ON *.* TO default",
    "EXECUTE AS default SELECT 1",
    "CHECK TABLE t",
    "UNDROP TABLE t",
    "SELECT 1 PARALLEL WITH DROP TABLE t",
    "EXPLAIN PIPELINE INSERT INTO t SELECT 1",
    "SELECT * FROM system.processes",
    "SELECT * FROM file('{s}', 'LineAsString')",
    "SELECT file('{s}')",
    "BEGIN TRANSACTION",
    "SELECT * FROM theirs.t",
    "SELECT * FROM t AS one, `theirs`.`t` AS other",
    "SHOW CREATE TABLE theirs.t",
    "SELECT create_table_query FROM system.tables SETTINGS additional_table_filters = {'x': '1'}",
];

/// Settings that lift limits or name files.
const SETTINGS: [&str; 12] = [
    "readonly = 0",
    "1x = 0, readonly = 0",
    "allow_ddl = 1, readonly = 0",
    "max_execution_time = 0",
    "max_threads = 2, readonly = 0",
    "output_format_schema = '{f}'",
    "format_schema = '{s}'",
    "format_template_row = '{s}'",
    "dialect = 'prql'",
    "implicit_select = 1",
    "allow_experimental_kusto_dialect = 1, dialect = 'kusto'",
    "additional_table_filters = {'t': 'file(\\'{s}\\') = 1'}",
];

/// How a function is brought in.
const CALLS: [&str; 15] = [
    "SELECT {n}('{s}')",
    "SELECT {n}()",
    "SELECT {n}('{s}', 'LineAsString')",
    "SELECT `{n}`('{s}')",
    "SELECT \"{x}\"('{s}')",
    "SELECT {u}('{s}')",
    "SELECT arrayMap({n}, ['{s}'])",
    "SELECT * APPLY {n} FROM (SELECT '{s}')",
    "SELECT * APPLY(x -> {n}(x)) FROM (SELECT '{s}')",
    "SELECT 1 WHERE {n}('{s}') != ''",
    "WITH (x -> {n}(x)) AS g SELECT g('{s}')",
    "SHOW TABLES WHERE {n}('{s}') = ''",
    // Strings that are read as code.
    "SELECT {n}('a String, b String ALIAS file(\\'{s}\\')')",
    "SELECT {n}('quantile(file(\\'{s}\\'))', [1])",
    "SELECT {n}(1, 'quantile(file(\\'{s}\\'))')",
];

/// How a table function is brought in.
const TABLES: [&str; 14] = [
    "SELECT * FROM {n}('{s}')",
    "SELECT * FROM {n}('{s}', 'LineAsString') LIMIT 3",
    "SELECT * FROM {n}('{s}', 'LineAsString', 'a String') LIMIT 3",
    "SELECT * FROM {n}('file://{s}') LIMIT 3",
    "SELECT * FROM `{n}`('{s}') LIMIT 3",
    "SELECT * FROM \"{x}\"('{s}') LIMIT 3",
    "DESCRIBE {n}('{s}')",
    "DESCRIBE TABLE (SELECT * FROM {n}('{s}', 'LineAsString'))",
    "SELECT * FROM view(SELECT * FROM {n}('{s}')) LIMIT 3",
    "SELECT * FROM t WHERE toString(a) IN (SELECT * FROM {n}('{s}', 'LineAsString'))",
    "WITH x AS (SELECT * FROM {n}('{s}')) SELECT * FROM x LIMIT 3",
    "EXPLAIN SELECT * FROM {n}('{s}')",
    "SELECT b FROM {n}('a String, b String ALIAS file(\\'{s}\\')') LIMIT 3",
    "SELECT b FROM {n}(concat('a String, b String ALIAS file(', char(39), '{s}', char(39), ')')) LIMIT 3",
];

/// What is put around a statement. `{q}` is the statement.
const FRAMES: [&str; 16] = [
    "{q}",
    "({q})",
    "{q};",
    "SELECT 1; {q}",
    "SELECT 1;;{q}",
    "SELECT 'a\\'; --'; {q}",
    "/* SELECT */ {q}",
    "-- SELECT\n{q}",
    "#! SELECT\n{q}",
    "SELECT * FROM ({q})",
    "SELECT * FROM (SELECT * FROM ({q}))",
    "SELECT ({q})",
    "SELECT 1 UNION ALL {q}",
    "EXPLAIN {q}",
    "WITH x AS ({q}) SELECT * FROM x",
    "SELECT $a$ $b$ $a$, ‘'’; {q} -- $b$ '",
];

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or(0)
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

/// So many statements. The first ones name each function and table function once, as far as they go.
pub(crate) fn statements(material: &Material, count: usize) -> Vec<String> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let names = material.table_functions.len() + material.functions.len();
    // In a small run, functions that compute must not crowd out what is hostile.
    let step = (2 * names / count.max(1)).max(1);
    let mut made = Vec::with_capacity(count);
    for name in &material.table_functions {
        made.push(called(name, TABLES[dice.roll(TABLES.len())]));
    }
    for name in material.functions.iter().step_by(step) {
        made.push(called(name, CALLS[dice.roll(CALLS.len())]));
    }
    while made.len() < count {
        made.push(one(&mut dice, material));
    }
    made.truncate(count);
    let fill =
        |statement: String| statement.replace("{f}", &material.outside).replace("{s}", &material.secret);
    made.into_iter().map(fill).collect()
}

fn one(dice: &mut Dice, material: &Material) -> String {
    let inner = match dice.roll(5) {
        0 => called(&material.functions[dice.roll(material.functions.len())], dice.pick(&CALLS)),
        1 => called(&material.table_functions[dice.roll(material.table_functions.len())], dice.pick(&TABLES)),
        2 => format!("SELECT * FROM t SETTINGS {}", dice.pick(&SETTINGS)),
        _ => dice.pick(&EFFECTS).to_owned(),
    };
    let mut statement = dice.pick(&FRAMES).replace("{q}", &inner);
    if dice.roll(4) == 0 {
        statement = format!("SELECT * FROM ({statement} SETTINGS {})", dice.pick(&SETTINGS));
    }
    if dice.roll(2) == 0 {
        statement = disguised(dice, &statement);
    }
    statement
}

/// The statement with other blanks, comments or capitals.
fn disguised(dice: &mut Dice, statement: &str) -> String {
    let gaps: Vec<usize> = statement.match_indices(' ').map(|(at, _)| at).collect();
    if gaps.is_empty() {
        return statement.to_owned();
    }
    let gap = gaps[dice.roll(gaps.len())];
    let (before, after) = (&statement[..gap], &statement[gap + 1..]);
    let invisible = INVISIBLE[dice.roll(INVISIBLE.len())];
    match dice.roll(6) {
        0 => format!("{before}/**/{after}"),
        1 => format!("{before}/* /* */ ' */{after}"),
        2 => format!("{before} --\n{after}"),
        3 => format!("{before} {invisible} {after}"),
        4 => statement.to_lowercase(),
        _ => format!("{before}{invisible}{after}"),
    }
}

fn called(name: &str, how: &str) -> String {
    let escaped: String = name.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    how.replace("{n}", name).replace("{x}", &escaped).replace("{u}", &name.to_uppercase())
}
