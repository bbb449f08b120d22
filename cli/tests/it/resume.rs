//! Imports that are broken off, and servers that go away in their middle.

use super::{command, ended, has_extension, has_lines_once, lines, lines_from, names, run, write};
use crate::harness::{DEADLINE, POLL, Server, ServerOptions, signal};
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Enough for many batches.
const LINES: u32 = 100_000;

/// Starts an import and waits until the server has answered some of its batches.
async fn begun(server: &Server, state: &TempDir, arguments: &[&str]) -> Child {
    let before = answered(state);
    let child = command(&server.api, state, arguments).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while answered(state) <= before {
        assert!(started.elapsed() < DEADLINE, "nothing is answered");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child
}

/// How many bytes of the file are in batches that were answered.
fn answered(state: &TempDir) -> u64 {
    let states = names(state.path()).into_iter().filter(|name| name.ends_with(".jsonl"));
    let text = states.map(|name| std::fs::read_to_string(state.path().join(name)).unwrap_or_default());
    let of_line = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        number(&entry["offset"]) + number(&entry["done"]["end"]) - number(&entry["done"]["start"])
    };
    text.flat_map(|text| text.lines().map(of_line).collect::<Vec<_>>()).sum()
}

async fn arrived(server: &Server, more_than: u64) {
    let started = Instant::now();
    while server.sql("SELECT count() FROM events").await.parse::<u64>().unwrap() <= more_than {
        assert!(started.elapsed() < DEADLINE, "nothing arrives");
        tokio::time::sleep(POLL).await;
    }
}

/// How many records the last words on standard error speak of.
fn imported(said: &str) -> u32 {
    let words = said.lines().find_map(|line| line.split_once(" record")).unwrap().0;
    words.rsplit(' ').next().unwrap().replace(',', "").parse().unwrap()
}

#[tokio::test]
async fn a_killed_import_goes_on_and_nothing_counts_twice() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", lines(LINES));
    for _ in 0..3 {
        let mut child = begun(&server, &state, &["import", &file]).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(0, &["going on behind line"]);
    assert!(imported(&ran.said) < LINES, "{}", ran.said);
    has_lines_once(&server, LINES).await;

    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(0, &["nothing new", "--restart"]);
    // From the beginning, and the server knows all of it.
    let ran = run(command(&server.api, &state, &["import", "--restart", &file]), "").await;
    ran.ended(0, &["0 records imported, 100,000 were there already"]);
    // What is behind it has arrived when this has.
    let last = lines_from(LINES + 1, 1);
    run(command(&server.api, &state, &["import"]), last).await.ended(0, &[]);
    server.sql_becomes("SELECT max(pid), count() FROM events", &format!("{0}\t{0}", LINES + 1)).await;
}

#[tokio::test]
async fn an_interrupted_import_says_so_and_goes_on() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", lines(LINES));
    let mut child = begun(&server, &state, &["import", &file]).await;
    signal(child.id(), "INT");
    let status = ended(&mut child).await;
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    // It may have been faster than the signal.
    if status.code() != Some(0) {
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.contains("the same command goes on from here"), "{said}");
        let sent = imported(&said);
        let ran = run(command(&server.api, &state, &["import", &file]), "").await;
        ran.ended(0, &["going on behind line"]);
        assert_eq!(sent + imported(&ran.said), LINES);
    }
    has_lines_once(&server, LINES).await;
    assert!(!has_extension(state.path(), "new"));
}

#[tokio::test]
async fn a_compressed_file_that_grew_is_continued() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let pack = |text: String| zstd::encode_all(text.as_bytes(), 1).unwrap();
    let mut content = pack(lines(6_000));
    let file = write(&state, "app.log.zst", &content);
    run(command(&server.api, &state, &["import", &file]), "").await.ended(0, &["6,000 records"]);
    content.extend(pack(lines_from(6_001, 3_000)));
    std::fs::write(&file, &content).unwrap();
    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(0, &["going on behind line 6000", "3,000 records"]);
    has_lines_once(&server, 9_000).await;

    // Another file in its place begins anew.
    std::fs::write(&file, lines_from(9_001, 1_000)).unwrap();
    run(command(&server.api, &state, &["import", &file]), "").await.ended(0, &["1,000 records"]);
    has_lines_once(&server, 10_000).await;
    // One that was cut short is not guessed at.
    std::fs::write(&file, lines_from(9_001, 500)).unwrap();
    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(1, &[&file, "shorter", "--restart"]);
}

#[tokio::test]
async fn a_file_that_is_cut_short_inside_its_compression_gives_what_it_has() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let packed = zstd::encode_all(lines(50_000).as_bytes(), 1).unwrap();
    let file = write(&state, "app.log.zst", &packed[..packed.len() / 2]);
    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(1, &[&file]);
    arrived(&server, 1_000).await;
    // Whole, it goes on from there.
    std::fs::write(&file, &packed).unwrap();
    run(command(&server.api, &state, &["import", &file]), "").await.ended(0, &["going on behind line"]);
    has_lines_once(&server, 50_000).await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_waited_for() {
    let server = Server::start().await;
    let address = server.api.trim_start_matches("http://").to_owned();
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", lines(LINES));
    let mut child = begun(&server, &state, &["import", &file]).await;
    let options: ServerOptions = server.kill();
    let server = options.env("LOG_CENTER_API_ADDR", address).start().await;
    assert_eq!(ended(&mut child).await.code(), Some(0));
    has_lines_once(&server, LINES).await;
}

#[tokio::test]
async fn files_do_not_wait_for_ever() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let file = write(&state, "app.log", lines(LINES));
    let mut child = begun(&server, &state, &["import", "--patience", "1", &file]).await;
    drop(server.kill());
    let status = ended(&mut child).await;
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    // It may have been faster than the end of the server.
    assert!(status.code() == Some(0) || said.contains("does not answer"), "{status}: {said}");
}

#[tokio::test]
async fn two_imports_of_one_file_are_not_at_once() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let pipe = state.path().join("app.log");
    // Big enough that the first has not ended when the second begins.
    std::fs::write(&pipe, lines(LINES * 3)).unwrap();
    let file = pipe.to_str().unwrap();
    let mut first = begun(&server, &state, &["import", file]).await;
    let second = run(command(&server.api, &state, &["import", file]), "").await;
    if first.try_wait().unwrap().is_none() {
        second.ended(1, &["another import of this file is running"]);
    }
    assert_eq!(ended(&mut first).await.code(), Some(0));
}
