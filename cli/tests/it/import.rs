//! `log-center import`: what arrives, and what is said.

use super::{command, ended, has_lines_once, lines, lines_from, names, run, write};
use crate::harness::{DEADLINE, POLL, Server, signal};
use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

async fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(text.as_bytes()).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

async fn zstd(text: &str) -> Vec<u8> {
    let mut encoder = ZstdEncoder::new(Vec::new());
    encoder.write_all(text.as_bytes()).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

#[tokio::test]
async fn files_of_every_kind_arrive_whole() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    // Names say nothing; each compressed file is two, one behind the other.
    let plain = write(&state, "a.gz", lines_from(1, 12_000));
    let gzipped = [gzip(&lines_from(12_001, 100)).await, gzip(&lines_from(12_101, 900)).await].concat();
    let gzipped = write(&state, "b.log", gzipped);
    let zstd = [zstd(&lines_from(13_001, 500)).await, zstd(&lines_from(13_501, 500)).await].concat();
    let zstd = write(&state, "c", zstd);
    let ran = run(command(&server.api, &state, &["import", &plain, &gzipped, &zstd]), "").await;
    ran.ended(0, &[&format!("{plain}: 12,000 records imported"), "log-center: 14,000 records imported"]);
    assert_eq!(ran.out, "");
    for (encoding, first) in [("gzip", 14_001), ("zstd", 14_501)] {
        let arguments = ["import", "--compression", encoding, "-"];
        run(command(&server.api, &state, &arguments), lines_from(first, 500)).await.ended(0, &[]);
    }
    run(command(&server.api, &state, &["import"]), gzip(&lines_from(15_001, 100)).await).await.ended(0, &[]);
    has_lines_once(&server, 15_100).await;
}

#[tokio::test]
async fn bad_lines_are_told_by_file_and_number() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(4 << 20));
    let good = lines(7_000);
    let mut all: Vec<&str> = good.lines().collect();
    // In an order that keeps the places of those before.
    let bad = [
        (6_000, "[1, 2]", "it is not a JSON object"),
        (5_500, &*long, "a line may have 4194304"),
        (5_000, r#"{"name":"shop"}"#, "(missing_field)"),
        (17, r#"{"name":"shop","level":30,"time":"never","msg":""}"#, "(invalid_value)"),
        (2, "  Server listening on port 3000", "it is not a JSON object"),
        (2, "", ""),
        (0, r#"{"name":{},"level":30}"#, "(wrong_type)"),
    ];
    for (place, line, _) in bad {
        all.insert(place, line);
    }
    let file = write(&state, "app.log", all.join("\r\n") + "\n{\"name\":\"sh");
    let rejects = state.path().join("rejects.jsonl");
    let arguments = ["import", &file, "--rejects", rejects.to_str().unwrap()];
    let ran = run(command(&server.api, &state, &arguments), "").await;
    ran.ended(3, &["7,000 records imported, 7 lines refused"]);
    has_lines_once(&server, 7_000).await;
    // Each insertion moved what was put behind it.
    let numbers = [1, 5, 21, 5_005, 5_506, 6_007, 7_008];
    let kept: Vec<Value> = std::fs::read_to_string(&rejects)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut of_file: Vec<u64> = kept.iter().map(|reject| reject["line"].as_u64().unwrap()).collect();
    of_file.sort_unstable();
    assert_eq!(of_file, numbers);
    for (number, (_, line, reason)) in
        numbers.into_iter().zip(bad.iter().rev().filter(|bad| !bad.1.is_empty()))
    {
        let told = ran.said.lines().find(|said| said.contains(&format!("{file}:{number}: ")));
        assert!(told.is_some_and(|told| told.ends_with(reason)), "{number} {reason}:\n{}", ran.said);
        let reject = kept.iter().find(|reject| reject["line"] == number).unwrap();
        assert!(reject["reason"].as_str().unwrap().ends_with(reason), "{reject}");
        let text = if *line == long { "" } else { line.trim() };
        assert_eq!((&reject["file"], &reject["text"]), (&file.as_str().into(), &text.into()));
    }
    assert!(ran.said.contains(&format!("{file}:7008: ")), "{}", ran.said);

    // The unfinished last line is not done: it may be continued.
    let whole =
        std::fs::read_to_string(&file).unwrap() + &lines_from(7_001, 1).replacen("{\"name\":\"sh", "", 1);
    std::fs::write(&file, whole).unwrap();
    let ran = run(command(&server.api, &state, &["import", &file]), "").await;
    ran.ended(0, &["going on behind line 7007", "1 record imported"]);
    server.sql_becomes("SELECT count() FROM events", "7001").await;
}

#[tokio::test]
async fn of_many_bad_lines_only_the_first_are_told() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let ran = run(command(&server.api, &state, &["import"]), "{}\n".repeat(6_000)).await;
    ran.ended(3, &["0 records imported, 6,000 lines refused", "more lines are refused"]);
    let told = ran.said.lines().filter(|line| line.contains("standard input:")).count();
    // And the summary.
    assert_eq!(told, 21, "{}", ran.said);
}

#[tokio::test]
async fn a_pipe_is_shipped_while_it_is_open_and_passed_on() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let mut command = command(&server.api, &state, &["import", "--tee", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let mut passed = BufReader::new(child.stdout.take().unwrap()).lines();
    // Half a line waits for its end; what is whole does not wait for more.
    let text = lines(3);
    let (now, later) = text.split_at(text.len() - 10);
    pipe.write_all(now.as_bytes()).unwrap();
    server.sql_becomes("SELECT count() FROM events", "2").await;
    assert_eq!(passed.next().unwrap().unwrap(), text.lines().next().unwrap());
    // Whoever writes got the interrupt too, and has a last word.
    signal(child.id(), "INT");
    pipe.write_all(later.as_bytes()).unwrap();
    drop(pipe);
    assert_eq!(ended(&mut child).await.code(), Some(0));
    has_lines_once(&server, 3).await;
    assert_eq!(passed.count(), 2);
    assert_eq!(names(state.path()), [""; 0], "a pipe leaves nothing behind");
}

#[tokio::test]
async fn a_term_sends_what_was_read_from_a_pipe() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let mut child = command(&server.api, &state, &["import", "--tee"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(lines(200).as_bytes()).unwrap();
    // It has been read once it is passed on.
    let mut passed = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(passed.by_ref().take(200).count(), 200);
    signal(child.id(), "TERM");
    assert_eq!(ended(&mut child).await.code(), Some(143));
    has_lines_once(&server, 200).await;
}

#[tokio::test]
async fn a_pipe_waits_for_a_server_that_comes_later() {
    let server = Server::start().await;
    let address = server.api.trim_start_matches("http://").to_owned();
    let url = server.api.clone();
    let options = server.kill();
    let state = TempDir::new().unwrap();
    let log = state.path().join("said");
    let mut child = command(&url, &state, &["import"])
        .stdin(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(lines(100).as_bytes()).unwrap();
    let started = Instant::now();
    while !std::fs::read_to_string(&log).unwrap().contains("trying again") {
        assert!(started.elapsed() < DEADLINE);
        tokio::time::sleep(POLL).await;
    }
    let server = options.env("LOG_CENTER_API_ADDR", address).start().await;
    drop(pipe);
    assert_eq!(ended(&mut child).await.code(), Some(0));
    has_lines_once(&server, 100).await;
    assert!(std::fs::read_to_string(&log).unwrap().contains("the server answers again"));
}
