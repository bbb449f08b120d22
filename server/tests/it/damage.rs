//! A spool or a database that was damaged, cut, deleted or put back while the server was down.

use crate::harness::{DEADLINE, Server, ServerOptions, a_report, answer, shared_clickhouse, signal};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Issues that are in ClickHouse before anything is damaged, one event each.
const STORED: u32 = 30;

/// Issues that wait in the spool, one event each.
const WAITING: u32 = 20;

struct Downed {
    options: ServerOptions,
    spool: PathBuf,
}

/// A server that was killed while some events waited.
async fn downed(waiting: u32) -> Downed {
    let server = ServerOptions::new().env("LOG_CENTER_ENGINE_HUNG_SECONDS", 3_600).start().await;
    for line in 0..STORED {
        server.report(&a_report(line)).await;
    }
    drained(&server).await;
    if waiting > 0 {
        signal(server.engine_pid.unwrap(), "STOP");
        for line in STORED..STORED + waiting {
            server.report(&a_report(line)).await;
        }
    }
    let options = killed(server).await;
    let spool = options.data_dir().join("data/spool");
    Downed { options, spool }
}

/// Kills server and engine, and waits until neither touches the files any more.
pub async fn killed(server: Server) -> ServerOptions {
    let engine = server.engine_pid.unwrap();
    signal(engine, "KILL");
    let options = server.kill();
    let started = Instant::now();
    // That of a process that is gone, or only not waited for yet, is empty.
    while fs::read(format!("/proc/{engine}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(started.elapsed() < DEADLINE, "the engine does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    options
}

pub async fn drained(server: &Server) {
    let started = Instant::now();
    while server.json("/health").await["spool"]["waiting_events"] != 0 {
        assert!(started.elapsed() < DEADLINE, "the spool does not drain");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn journals(spool: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(spool).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).collect()
}

pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// The bytes of a journal that were written; the rest is zeros.
fn written(journal: &Path) -> u64 {
    let bytes = fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

pub fn flip(journal: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(journal).unwrap();
    let mut bytes = [0; 64];
    file.read_exact_at(&mut bytes, at).unwrap();
    file.write_all_at(&bytes.map(|byte| !byte), at).unwrap();
}

/// What holds after every damage: nothing is doubled, no stored issue is new, and the figures add up. Gives the number of
/// events that are gone.
async fn holds(server: &Server) -> u64 {
    drained(server).await;
    let counts = "SELECT count() = sum(i.count) AND max(i.count) = 1 FROM issues AS i";
    server.sql_becomes(counts, "1").await;
    let events: u64 = server.sql("SELECT count() FROM events").await.parse().unwrap();
    assert_eq!(server.sql("SELECT count() FROM issues").await, events.to_string());
    let again = server.report(&a_report(3)).await;
    assert_eq!(again["is_new"], false, "a known issue is new again");
    drained(server).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, (events + 1).to_string());
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    let sum = |names: &[&str]| {
        let lines = metrics.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>()
    };
    let came = sum(&["log_center_accepted_total", "log_center_resumed_total "]);
    let gone = sum(&["log_center_stored_total ", "log_center_spool_events "]);
    assert_eq!(came, gone, "{metrics}");
    u64::from(STORED + WAITING) - events
}

/// The words in `/health`, for a server that goes on.
async fn told(server: &Server) -> Value {
    let health = server.json("/health").await;
    assert_eq!(health["status"], "degraded", "{health}\n{}", server.log());
    let ready = server.get("/health/ready").send().await.unwrap();
    assert!(ready.status().is_success());
    health
}

/// Starts a server whose spool is damaged. Where it refuses, its own words are followed.
async fn start_damaged(options: ServerOptions) -> (Server, bool) {
    let (options, log) = match options.try_start().await {
        Ok(server) => return (server, false),
        Err(refused) => refused,
    };
    let words = log.lines().last().unwrap();
    let command = words.split("start again: ").nth(1).unwrap_or_else(|| panic!("no way out: {log}"));
    let command = command.split(" —").next().unwrap();
    assert!(words.contains(&format!("up to {WAITING} events")), "{words}");
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
    (options.start().await, true)
}

#[tokio::test]
async fn a_damaged_journal_is_told_and_nothing_is_doubled() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { mut options, spool } = downed(WAITING).await;
    let data = spool.parent().unwrap().to_owned();
    let kept = data.with_extension("kept");
    copy(&data, &kept);
    let journal = journals(&spool).pop().unwrap();
    let length = written(&journal);
    let mut lost = Vec::new();
    for permille in [30, 300, 620, 800, 970, 0] {
        let at = length * permille / 1000;
        match permille {
            0 => fs::File::options().write(true).open(&journal).unwrap().set_len(length / 2).unwrap(),
            _ => flip(&journal, at),
        }
        let (server, was_refused) = start_damaged(options).await;
        let health = if was_refused { server.json("/health").await } else { told(&server).await };
        let gone = holds(&server).await;
        if !was_refused {
            let said = health["spool"]["lost_events"].as_u64().unwrap();
            assert!(gone <= said, "{gone} are gone, {said} were told at {permille}: {}", server.log());
            assert!(server.log().contains("may have been forgotten"), "{}", server.log());
        }
        lost.push((permille, was_refused, gone));
        // It is told once.
        let (_, stopped) = server.stop().await;
        let server = stopped.start().await;
        assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
        options = killed(server).await;
        fs::remove_dir_all(&data).unwrap();
        copy(&kept, &data);
    }
    println!("place, refused, lost: {lost:?}");
}

#[tokio::test]
async fn a_spool_with_missing_parts_is_told() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { mut options, spool } = downed(WAITING).await;
    let data = spool.parent().unwrap().to_owned();
    let kept = data.with_extension("kept");
    copy(&data, &kept);
    let mut missing: Vec<_> =
        fs::read_dir(spool.join("keyspaces")).unwrap().map(|part| part.unwrap().path()).collect();
    missing.sort();
    let beside = fs::read_dir(&spool).unwrap().map(|part| part.unwrap().path());
    missing.extend(beside.filter(|path| path.is_file()));
    missing.push(spool.clone());
    for path in missing {
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        println!("without {}", path.display());
        let (server, was_refused) = start_damaged(options).await;
        let health = if was_refused { server.json("/health").await } else { told(&server).await };
        let gone = holds(&server).await;
        println!("gone {gone}, refused {was_refused}, {}", health["spool"]);
        if gone == 0 {
            let again = server.report(&a_report(STORED)).await;
            assert_eq!(again["is_new"], false, "an issue that waited is new again");
        }
        if !was_refused {
            assert!(gone <= health["spool"]["lost_events"].as_u64().unwrap(), "{}", server.log());
        }
        let (_, stopped) = server.stop().await;
        let server = stopped.start().await;
        assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
        options = killed(server).await;
        fs::remove_dir_all(&data).unwrap();
        copy(&kept, &data);
    }
}

#[tokio::test]
async fn an_older_copy_of_the_spool_doubles_nothing() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { options, spool } = downed(WAITING).await;
    let older = spool.with_extension("older");
    copy(&spool, &older);
    let server = options.start().await;
    server.sql_becomes("SELECT count() FROM events", &(STORED + WAITING).to_string()).await;
    drained(&server).await;
    let first = server.report(&a_report(900)).await;
    drained(&server).await;
    let (_, options) = server.stop().await;
    fs::remove_dir_all(&spool).unwrap();
    fs::rename(&older, &spool).unwrap();
    let server = options.start().await;
    told(&server).await;
    let again = server.report(&a_report(900)).await;
    assert_eq!((&again["is_new"], &again["id"]), (&false.into(), &first["id"]));
    drained(&server).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, (STORED + WAITING + 2).to_string());
}

/// Nothing beside the spool says that it is old, but the mark in ClickHouse's directory does.
#[tokio::test]
async fn an_older_copy_together_with_its_mark_is_told() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { options, spool } = downed(WAITING).await;
    let older = spool.with_file_name("older");
    fs::create_dir(&older).unwrap();
    let names = ["spool", "spool.mark", "spool.noted"];
    names.iter().for_each(|name| copy(&spool.with_file_name(name), &older));
    let server = options.start().await;
    drained(&server).await;
    // In a range of its own, which the copy has not frozen.
    server.report(&a_report(900)).await;
    drained(&server).await;
    let options = killed(server).await;
    fs::remove_dir_all(&spool).unwrap();
    for name in names {
        fs::rename(older.join(name), spool.with_file_name(name)).unwrap();
    }
    let server = options.start().await;
    told(&server).await;
    assert!(server.log().contains("the spool is older than its mark"), "{}", server.log());
    assert_eq!(server.report(&a_report(3)).await["is_new"], false);
    assert_eq!(server.report(&a_report(900)).await["is_new"], false);
    drained(&server).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, (STORED + WAITING + 3).to_string());
}

/// What was brought to ClickHouse is gone with its newer directory.
#[tokio::test]
async fn an_older_copy_of_clickhouse_is_told() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { options, spool } = downed(0).await;
    let clickhouse = spool.with_file_name("clickhouse");
    let older = spool.with_file_name("older");
    copy(&clickhouse, &older);
    let server = options.start().await;
    for line in 0..7 {
        server.report(&a_report(line)).await;
    }
    drained(&server).await;
    let options = killed(server).await;
    fs::remove_dir_all(&clickhouse).unwrap();
    fs::rename(&older, &clickhouse).unwrap();
    let server = options.start().await;
    let health = told(&server).await;
    let reason = health["clickhouse"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("up to 7 events that were stored are gone"), "{reason}");
    assert_eq!(server.report(&a_report(3)).await["is_new"], false);
    drained(&server).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, (STORED + 1).to_string());
    let server = server.kill_and_restart().await;
    assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
}

#[tokio::test]
async fn a_deleted_database_makes_its_issues_new_again() {
    if shared_clickhouse().is_some() {
        return;
    }
    let Downed { options, spool } = downed(0).await;
    fs::remove_dir_all(spool.with_file_name("clickhouse")).unwrap();
    let server = options.start().await;
    let health = told(&server).await;
    assert_eq!(health["clickhouse"]["code"], "events_lost", "{health}");
    assert!(server.log().contains(&format!("up to {STORED} events")), "{}", server.log());
    assert_eq!(server.report(&a_report(3)).await["is_new"], true);
    assert_eq!(server.report(&a_report(3)).await["is_new"], false);
    drained(&server).await;
    assert_eq!(server.sql("SELECT count() FROM events").await, "2");
    let server = server.kill_and_restart().await;
    assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
}

#[tokio::test]
async fn a_missing_mark_is_told_and_a_kill_is_not_taken_for_damage() {
    let mut server = Server::start().await;
    for round in 0..4 {
        for line in 0..10 {
            server.report(&a_report(round * 10 + line)).await;
        }
        server = server.kill_and_restart().await;
        assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
    }
    drained(&server).await;
    let (_, options) = server.stop().await;
    fs::remove_file(options.data_dir().join("data/spool.mark")).unwrap();
    let server = options.start().await;
    told(&server).await;
    assert!(server.log().contains("the mark of the spool is gone"), "{}", server.log());
    let server = server.kill_and_restart().await;
    assert_eq!(server.json("/health").await["status"], "ok", "{}", server.log());
    assert_eq!(server.report(&a_report(3)).await["is_new"], false);
}

/// A part that nobody can read has its own name, by whichever way it is read.
#[tokio::test]
async fn a_part_that_cannot_be_read_is_named() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    server.report(&a_report(1)).await;
    drained(&server).await;
    let parts = "SELECT path FROM system.parts WHERE table = 'event_store' AND database = currentDatabase() AND active";
    let parts = server.sql(parts).await;
    assert!(!parts.is_empty());
    for part in parts.lines() {
        for path in fs::read_dir(part).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "bin") {
                let length = path.metadata().unwrap().len();
                (0..length.saturating_sub(63)).step_by(64).for_each(|at| flip(&path, at));
            }
        }
    }
    let listed = server.get("/api/v1/events").send().await.unwrap();
    let refused = answer(listed, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(refused["error"]["code"], "part_broken", "{refused}");
    let asked = json!({"query": "SELECT count() FROM events WHERE NOT ignore(*)"});
    let asked = server.post("/api/v1/sql").json(&asked).send().await.unwrap();
    let refused = answer(asked, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(refused["error"]["code"], "part_broken", "{refused}");
}

/// As a statement that makes or changes a table may leave them when the disk is full.
#[tokio::test]
async fn empty_descriptions_of_tables_do_not_keep_the_engine_from_starting() {
    if shared_clickhouse().is_some() {
        return;
    }
    let server = Server::start().await;
    server.report(&a_report(1)).await;
    drained(&server).await;
    let data = server.options().data_dir().join("data/clickhouse");
    let directory = data.join("metadata").join(&server.database);
    let copies = data.join("metadata_copies").join(&server.database);
    let started = Instant::now();
    while !copies.join("issue_store_mv.sql").exists() || !copies.join("events.sql").exists() {
        assert!(started.elapsed() < DEADLINE, "no copies are made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let options = killed(server).await;
    for name in ["event_store", "issue_store_mv", "events"] {
        fs::write(directory.join(name).with_extension("sql"), "").unwrap();
    }
    let server = options.start().await;
    assert!(server.log().contains("is brought back"), "{}", server.log());
    assert_eq!(server.report(&a_report(1)).await["is_new"], false);
    drained(&server).await;
    server.sql_becomes("SELECT sum(i.count) FROM issues AS i", "2").await;
    assert_eq!(server.sql("SELECT count() FROM events").await, "2");

    // Without a copy it is made anew.
    let options = killed(server).await;
    fs::write(directory.join("events.sql"), "").unwrap();
    fs::remove_file(copies.join("events.sql")).unwrap();
    let server = options.start().await;
    assert!(server.log().contains("is removed"), "{}", server.log());
    assert_eq!(server.sql("SELECT count() FROM events").await, "2");
}
