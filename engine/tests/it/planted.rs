//! Files that lie in the data directory and are not the store's own.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Engine, command};

/// What an operator made with the password, and what of it there must be after each start.
const OPERATORS: [&str; 11] = [
    "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
    "CREATE MATERIALIZED VIEW sums ENGINE = SummingMergeTree ORDER BY tuple() AS SELECT sum(a) AS a FROM t",
    "CREATE VIEW v AS SELECT a + 1 AS b FROM t",
    "CREATE TABLE gone (a UInt64) ENGINE = MergeTree ORDER BY a",
    "CREATE DATABASE `my own-ü`",
    "CREATE TABLE `my own-ü`.`t.1` (a UInt64) ENGINE = MergeTree ORDER BY a",
    "CREATE FUNCTION plus_one AS (x) -> x + 1",
    "RENAME TABLE v TO w",
    "ALTER TABLE t ADD COLUMN c UInt8 DEFAULT 7",
    "INSERT INTO t (a) VALUES (1), (2)",
    "DROP TABLE gone",
];
const SEEN: &str = "SELECT (SELECT groupArray((a, c)) FROM t), (SELECT sum(a) FROM sums), (SELECT max(b) FROM w), \
                    (SELECT count() FROM `my own-ü`.`t.1`), plus_one(1), \
                    (SELECT groupArray(name) FROM (SELECT name FROM system.tables WHERE database = 'default' AND name NOT LIKE '.%' ORDER BY name))";
const EXPECTED: &str = "[(1,7),(2,7)]\t3\t3\t0\t2\t['sums','t','w']";

const UUID: &str = "11111111-2222-3333-4444-555555555555";

async fn operators() -> (TempDir, PathBuf, Engine) {
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    let engine = Engine::start_in(&data_dir, &[]);
    for sql in OPERATORS {
        engine.ask(sql).await;
    }
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
    (directory, data_dir, engine)
}

/// Stops the engine and gives what it said.
fn stopped(mut engine: Engine, signal: Signal) -> String {
    engine.signal(signal);
    engine.wait();
    let mut log = String::new();
    drop(engine.child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut log)));
    log
}

fn plant(data_dir: &Path, name: &str, text: &str) {
    let path = data_dir.join(name);
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, text).expect("planted");
}

/// Names of what was moved aside, without the folders that say when.
fn moved_aside(data_dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let folders = std::fs::read_dir(data_dir).expect("data directory").flatten();
    let mut left: Vec<_> = folders
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("quarantine-"))
        .map(|entry| (entry.path(), entry.path()))
        .collect();
    while let Some((top, folder)) = left.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder").flatten() {
            if entry.path().is_dir() {
                left.push((top.clone(), entry.path()));
            } else {
                names.push(entry.path().strip_prefix(&top).expect("below").display().to_string());
            }
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_planted_file_neither_stops_a_start_nor_runs() {
    let (_directory, data_dir, engine) = operators().await;
    stopped(engine, Signal::TERM);
    let harmful = [
        ("metadata/default/broken.sql", "ATTACH TABLE _ UUID 'no' (".to_owned()),
        ("metadata/default/nothing.sql", String::new()),
        ("metadata/default/bytes.sql", "\0\u{200b}".to_owned()),
        (
            "metadata/default/evil_view.sql",
            format!(
                "ATTACH MATERIALIZED VIEW _ UUID '{UUID}' TO default.t (`a` UInt64) AS SELECT a + 100 AS a FROM default.t\n"
            ),
        ),
        (
            "metadata/default/evil_url.sql",
            format!("ATTACH TABLE _ UUID '{UUID}' (`a` String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')\n"),
        ),
        (
            "metadata/default/evil_program.sql",
            format!("ATTACH TABLE _ UUID '{UUID}' (`a` String) ENGINE = Executable('id', 'TSV')\n"),
        ),
        ("metadata/default/t.sql.detached", String::new()),
        ("metadata/evil.sql", "ATTACH DATABASE nonsense".to_owned()),
        ("metadata/other.sql", "ATTACH DATABASE _ ENGINE = MySQL('127.0.0.1:1', 'd', 'u', 'p')\n".to_owned()),
        ("metadata/evil/inside.sql", "nonsense".to_owned()),
        ("metadata_dropped/default.t.11111111-2222-3333-4444-555555555555.sql", "nonsense".to_owned()),
        ("user_defined/function_evil.sql", "CREATE FUNCTION evil AS x -> file(x)".to_owned()),
        ("named_collections/evil.sql", "nonsense".to_owned()),
        ("workload/workload_evil.sql", "nonsense".to_owned()),
        ("conf.d/evil.xml", "<clickhouse><path>/tmp/</path></clickhouse>".to_owned()),
        ("engine.d/evil.xml", "nonsense".to_owned()),
    ];
    for (name, text) in &harmful {
        plant(&data_dir, name, text);
    }
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
    let mut expected: Vec<_> = harmful.iter().map(|(name, _)| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(moved_aside(&data_dir), expected);
    let log = stopped(engine, Signal::TERM);
    for (name, _) in harmful.iter().filter(|(name, _)| !name.contains(".d/")) {
        let line = log.lines().find(|line| line.contains(&format!("what={name}")));
        assert!(line.is_some_and(|line| line.contains("WARN")), "{name}: {log}");
    }
    // And nothing is left to be moved at the next one.
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(moved_aside(&data_dir), expected);
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
}

#[tokio::test]
async fn what_was_made_with_the_password_survives_any_end() {
    let (_directory, data_dir, mut engine) = operators().await;
    for round in 0..3 {
        engine.ask(&format!("CREATE TABLE last_{round} (a UInt64) ENGINE = MergeTree ORDER BY a")).await;
        engine.ask(&format!("ALTER TABLE last_{round} ADD COLUMN b String")).await;
        stopped(engine, Signal::KILL);
        engine = Engine::start_in(&data_dir, &[]);
        assert_eq!(engine.ask(&format!("SELECT count(b) FROM last_{round}")).await, "0");
        engine.ask(&format!("DROP TABLE last_{round} SYNC")).await;
        assert_eq!(engine.ask(SEEN).await, EXPECTED);
    }
    assert_eq!(moved_aside(&data_dir), Vec::<String>::new());
}

/// Another text in the place of a table's own is none of ours; an earlier one of ours is.
#[tokio::test]
async fn a_description_is_known_by_its_text() {
    let (_directory, data_dir, engine) = operators().await;
    let description = data_dir.join("metadata/default/t.sql");
    let before = std::fs::read_to_string(&description).expect("description");
    engine.ask("ALTER TABLE t ADD COLUMN d UInt8").await;
    stopped(engine, Signal::TERM);
    let after = std::fs::read_to_string(&description).expect("description");
    assert_ne!(before, after);
    std::fs::write(&description, &before).expect("an earlier one");
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
    stopped(engine, Signal::TERM);
    std::fs::write(&description, before.replace("UInt8 DEFAULT 7", "UInt8 DEFAULT 8"))
        .expect("a planted one");
    let engine = Engine::start_in(&data_dir, &[]);
    let (status, text) = engine.post("", "SELECT * FROM t").await;
    assert!(status == 404 && text.contains("UNKNOWN_TABLE"), "{status} {text}");
    assert_eq!(moved_aside(&data_dir), ["metadata/default/t.sql"]);
}

/// A full disk leaves descriptions empty, and ClickHouse does not start with one. Who repairs that must find it where it is.
#[tokio::test]
async fn an_emptied_description_of_a_table_stays() {
    let (_directory, data_dir, engine) = operators().await;
    stopped(engine, Signal::TERM);
    let emptied = data_dir.join("metadata/default/w.sql");
    let text = std::fs::read(&emptied).expect("description");
    std::fs::write(&emptied, "").expect("emptied");
    let ended = command(&data_dir, &[]).stdin(Stdio::null()).output().expect("engine");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("w.sql"), "{ended:?}");
    assert_eq!(moved_aside(&data_dir), Vec::<String>::new());
    std::fs::write(&emptied, text).expect("repaired");
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
}

/// A directory of an earlier version has no journal.
#[tokio::test]
async fn without_a_journal_all_is_taken() {
    let (directory, data_dir, engine) = operators().await;
    stopped(engine, Signal::TERM);
    std::fs::remove_file(directory.path().join("clickhouse.descriptions")).expect("journal");
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(engine.ask(SEEN).await, EXPECTED);
    assert_eq!(moved_aside(&data_dir), Vec::<String>::new());
}

/// What the engine itself writes at the start goes through no link, and nothing keeps it from being written.
#[tokio::test]
async fn links_are_not_followed() {
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    std::fs::create_dir(&data_dir).expect("data directory");
    let outside = directory.path().join("outside");
    std::fs::write(&outside, "untouched").expect("outside");
    for name in ["engine.xml", "engine.lock", "user_files"] {
        std::os::unix::fs::symlink(&outside, data_dir.join(name)).expect("link");
    }
    std::os::unix::fs::symlink(&outside, directory.path().join("clickhouse.descriptions.new")).expect("link");
    let engine = Engine::start_in(&data_dir, &[]);
    assert_eq!(engine.ask("SELECT 1").await, "1");
    assert_eq!(std::fs::read_to_string(&outside).expect("outside"), "untouched");
    assert!(data_dir.join("engine.xml").symlink_metadata().expect("configuration").is_file());
}

/// Relative paths are those of a folder of SQL's own, and a file that is refused is not made.
#[tokio::test]
async fn sql_has_a_folder_of_its_own() {
    let engine = Engine::start();
    engine.ask("INSERT INTO FUNCTION file('x.csv', 'CSV', 'a UInt8') VALUES (1)").await;
    assert!(engine.data_dir().join("user_files/x.csv").exists());
    assert_eq!(engine.ask("SELECT a FROM file('x.csv', 'CSV', 'a UInt8')").await, "1");
    let inside = engine.data_dir().join("made.db");
    for sql in [
        format!("DESCRIBE TABLE sqlite('{}', 't')", inside.display()),
        format!("SELECT * FROM sqlite('{}', 't')", inside.display()),
        "SELECT * FROM sqlite('made.db', 't')".to_owned(),
    ] {
        let (status, text) = engine.post("user=reader", sql.clone()).await;
        assert!(status >= 400, "{sql}: {status} {text}");
    }
    assert!(!inside.exists() && !engine.data_dir().join("user_files/made.db").exists());
}
