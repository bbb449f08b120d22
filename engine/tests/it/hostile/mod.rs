//! Many hostile statements of a reader: nothing but reading happens.

mod statements;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use statements::{Material, statements};

use crate::process::{Engine, command};

/// How many statements; `LOG_CENTER_HOSTILE_STATEMENTS` asks for more.
const STATEMENTS: usize = 500;

/// How many are under way at the same time.
const AT_ONCE: usize = 6;

const SECRET: &str = "canary-in-a-file";
const ENVIRONMENT: &str = "canary-in-the-environment";

#[tokio::test]
async fn nothing_but_reading_happens() {
    let count = std::env::var("LOG_CENTER_HOSTILE_STATEMENTS").ok().and_then(|count| count.parse().ok());
    let directory = tempfile::tempdir().expect("directory");
    let data_dir = directory.path().join("clickhouse");
    // Where the sandbox lets the engine read: what keeps it from a reader is the judge alone.
    std::fs::create_dir(&data_dir).expect("directory");
    let secret = data_dir.join("secret");
    std::fs::write(&secret, SECRET).expect("secret");
    let mut started =
        command(&data_dir, &["--reader-max-execution-seconds", "1", "--reader-databases", "default"]);
    started.env("CANARY", ENVIRONMENT);
    let mut engine = Engine::of(started, &data_dir);
    engine.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await;
    engine.ask("INSERT INTO t SELECT number FROM numbers(100)").await;
    // A database that is not for readers.
    engine.ask("CREATE DATABASE theirs").await;
    engine
        .ask(&format!("CREATE TABLE theirs.t (a String COMMENT '{SECRET}') ENGINE = MergeTree ORDER BY a"))
        .await;
    engine.ask(&format!("INSERT INTO theirs.t VALUES ('{SECRET}')")).await;
    let names = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let material = Material {
        functions: names(engine.ask("SELECT name FROM system.functions ORDER BY name").await),
        table_functions: names(engine.ask("SELECT name FROM system.table_functions ORDER BY name").await),
        secret: secret.display().to_string(),
        outside: directory.path().join("made").display().to_string(),
    };
    let state = "SELECT (SELECT (count(), sum(a)) FROM t), (SELECT groupArray((database, name, create_table_query)) FROM \
                 (SELECT * FROM system.tables WHERE database = 'default' ORDER BY name)), (SELECT count() FROM system.databases), \
                 (SELECT count() FROM system.functions)";
    let (before, files) = (engine.ask(state).await, files(&data_dir));
    let beside = names_in(directory.path());

    let made = statements(&material, count.unwrap_or(STATEMENTS));
    let slowest = ask_all(&engine, &made).await;
    println!("{} statements; the slowest SELECT 1 of the full user took {slowest:?}", made.len());

    assert_eq!(engine.ask(state).await, before);
    assert_eq!(self::files(&data_dir), files);
    assert_eq!(std::fs::read_to_string(&secret).expect("secret"), SECRET);
    assert_eq!(names_in(directory.path()), beside);
    engine.signal(rustix::process::Signal::TERM);
    assert!(engine.wait().success());
    let again = Engine::start_in(&data_dir, &[]);
    assert_eq!(again.ask(state).await, before);
}

/// Asks all of them, and something harmless in between. Gives the longest wait for that.
async fn ask_all(engine: &Engine, made: &[String]) -> Duration {
    let asked = futures_util::stream::iter(made).map(|sql| ask(engine, sql)).buffer_unordered(AT_ONCE);
    let mut asked = std::pin::pin!(asked.enumerate());
    let mut slowest = Duration::ZERO;
    while let Some((number, ())) = asked.next().await {
        if number % 100 == 0 {
            let begun = Instant::now();
            assert_eq!(engine.ask("SELECT 1").await, "1");
            slowest = slowest.max(begun.elapsed());
        }
    }
    slowest
}

/// Asks as reader. Whatever the answer is, it holds no secret.
async fn ask(engine: &Engine, sql: &str) {
    let (_, text) = engine.post("user=reader", sql.to_owned()).await;
    assert!(!text.contains(SECRET) && !text.contains(ENVIRONMENT), "{sql:?}: {text}");
}

fn names_in(directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).expect("directory").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// The store's own files, but for its data, its log of the present state and what it drops in the background.
fn files(data_dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![data_dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(data_dir).expect("below").display().to_string();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if name != "store" && name != "tmp" {
                    folders.push(path);
                }
            } else if name != "status" {
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}
