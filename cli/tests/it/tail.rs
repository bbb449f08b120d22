//! `log-center tail`.

use super::{command, ended, lines_from};
use crate::harness::{DEADLINE, POLL, Server, now_ms};
use log_center_wire::UnixMillis;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use tempfile::TempDir;

/// A running `tail`. Dropping it ends the process.
struct Tail {
    child: Child,
    lines: Receiver<String>,
    state: TempDir,
}

impl Tail {
    /// Starts it and waits until it sees what arrives.
    async fn start(server: &Server, arguments: &[&str]) -> Self {
        let state = TempDir::new().unwrap();
        let mut command = command(&server.api, &state, &[&["tail"], arguments].concat());
        let said = std::fs::File::create(state.path().join("said")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(said).spawn().unwrap();
        let lines = received(BufReader::new(child.stdout.take().unwrap()).lines());
        Self { child, lines, state }
    }

    /// The next line, while records are sent until it comes: what was there before is not shown.
    async fn first(&self, server: &Server, record: &Value) -> String {
        let started = Instant::now();
        loop {
            server.post("/api/v1/events").body(record.to_string()).send().await.unwrap();
            if let Ok(line) = self.lines.try_recv() {
                return line;
            }
            assert!(started.elapsed() < DEADLINE, "nothing is shown: {}", self.said());
            tokio::time::sleep(POLL).await;
        }
    }

    /// The lines from here to the first that holds this.
    async fn until(&self, text: &str) -> Vec<String> {
        let started = Instant::now();
        let mut lines = Vec::new();
        loop {
            while let Ok(line) = self.lines.try_recv() {
                let is_last = line.contains(text);
                lines.push(line);
                if is_last {
                    return lines;
                }
            }
            assert!(started.elapsed() < DEADLINE, "{text} is not shown:\n{lines:#?}\n{}", self.said());
            tokio::time::sleep(POLL).await;
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.state.path().join("said")).unwrap()
    }

    async fn says(&self, text: &str) {
        let started = Instant::now();
        while !self.said().contains(text) {
            assert!(started.elapsed() < DEADLINE, "{text:?} is not in: {}", self.said());
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn received(lines: Lines<BufReader<ChildStdout>>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

fn a_record(msg: &str) -> Value {
    json!({"name": "shop", "hostname": "h1", "pid": 7, "uid": "u_7", "level": 40, "time": "2026-11-20T10:30:00.123Z", "msg": msg,
        "req_id": "01a1fed2-9f98-74e6-b46c-86defb11a18b", "extra": "order=5\u{1b}[2J", "tm": 12.5})
}

#[tokio::test]
async fn records_are_shown_as_they_arrive() {
    let server = Server::start().await;
    let tail = Tail::start(&server, &["service:shop", "msg:hello"]).await;
    let line = tail.first(&server, &a_record("hello")).await;
    assert_eq!(
        line,
        "2026-11-20 10:30:00.123 WARN  shop@h1 hello 12.5 ms order=5\\u{1b}[2J uid=u_7 req=01a1fed2-9f98"
    );
    // What the query leaves out is not shown.
    let body = format!("{}\n{}", a_record("other"), a_record("hello again"));
    server.post("/api/v1/events").body(body).send().await.unwrap();
    let lines = tail.until("hello again").await;
    assert!(lines.iter().all(|line| line.contains("hello")), "{lines:?}");

    let json = Tail::start(&server, &["--json"]).await;
    let record: Value = serde_json::from_str(&json.first(&server, &a_record("raw")).await).unwrap();
    assert_eq!((&record["msg"], &record["tm"]), (&"raw".into(), &12.5.into()));
    let colored = Tail::start(&server, &["--color", "always"]).await;
    let line = colored.first(&server, &a_record("bright")).await;
    assert!(line.contains("\u{1b}[33mWARN \u{1b}[0m") && !line.contains("\u{1b}[2J"), "{line:?}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_followed_again() {
    let server = Server::start().await;
    let address = server.api.trim_start_matches("http://").to_owned();
    let tail = Tail::start(&server, &[]).await;
    tail.first(&server, &a_record("before")).await;
    server.post("/api/v1/events").body(a_record("last").to_string()).send().await.unwrap();
    tail.until("last").await;
    let (code, options) = server.stop().await;
    assert_eq!(code, Some(0));
    tail.says("connecting again").await;
    let server = options.env("LOG_CENTER_API_ADDR", address).start().await;
    // It goes on behind what it had: nothing in between is left out.
    server.post("/api/v1/events").body(lines_from(1, 20)).send().await.unwrap();
    server.post("/api/v1/events").body(a_record("after").to_string()).send().await.unwrap();
    let lines = tail.until("after").await;
    assert_eq!(lines.iter().filter(|line| line.contains("paid")).count(), 20, "{lines:#?}");
    assert!(tail.said().contains("connected again"), "{}", tail.said());
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_told_with_its_place() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let ran = super::run(command(&server.api, &state, &["tail", "color:red"]), "").await;
    ran.ended(1, &["at character 1", "there is no field color"]);
}

#[tokio::test]
async fn a_reader_that_went_away_ends_it() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let mut command = command(&server.api, &state, &["tail"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        server.post("/api/v1/events").body(a_record("x").to_string()).send().await.unwrap();
        assert!(started.elapsed() < DEADLINE);
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(ended(&mut child).await.code(), Some(0));
}

/// Records with these numbers in their messages, each a millisecond after the one before.
fn numbered(start_ms: i64, numbers: std::ops::Range<u32>) -> String {
    let record = |number: u32| {
        let time = UnixMillis(start_ms + i64::from(number)).to_string();
        json!({"name": "shop", "pid": 1, "level": 30, "time": time, "msg": format!("number {number} of many")})
    };
    numbers.map(|number| format!("{}\n", record(number))).collect()
}

/// The numbers of lines, or of records.
fn told(lines: &[String]) -> Vec<u32> {
    let number =
        |line: &String| line.split_once("number ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    lines.iter().map(number).collect()
}

#[tokio::test]
async fn what_was_there_before_is_shown_once() {
    let server = Server::start().await;
    let start_ms = now_ms() - 600_000;
    for first in (0..1_500).step_by(100) {
        server.post("/api/v1/events").body(numbered(start_ms, first..first + 100)).send().await.unwrap();
    }
    server.sql_becomes("SELECT count() FROM events", "1500").await;
    let more = AtomicU32::new(1_500);
    for (arguments, before) in [
        (&["-n", "5", "service:shop"][..], 5),
        (&["--since", "1h"], usize::MAX),
        (&["--since", "1h", "-n", "700", "--json"], 700),
        (&["--since", "7d", "--json"], usize::MAX),
        (&["-n", "0"], 0),
    ] {
        // Something arrives all the time, so that it comes by both ways.
        let is_over = AtomicBool::new(false);
        let sending = async {
            while !is_over.load(Ordering::Relaxed) {
                let first = more.fetch_add(5, Ordering::Relaxed);
                server
                    .post("/api/v1/events")
                    .body(numbered(start_ms, first..first + 5))
                    .send()
                    .await
                    .unwrap();
                tokio::time::sleep(POLL).await;
            }
        };
        let looking = async {
            let began_at = more.load(Ordering::Relaxed);
            let tail = Tail::start(&server, arguments).await;
            let last = began_at + 200;
            let lines = tail.until(&format!("number {last} of")).await;
            is_over.store(true, Ordering::Relaxed);
            let mut numbers = told(&lines);
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "{arguments:?}: some are shown twice");
            // From the first one on none is missing, but those that were not in ClickHouse yet when the last one was shown.
            let first = numbers[0];
            let missing: Vec<_> = (first..last).filter(|number| !numbers.contains(number)).collect();
            assert!(missing.iter().all(|number| *number + 100 > last), "{arguments:?}: {missing:?}");
            match before {
                usize::MAX => assert_eq!(first, 0, "{arguments:?}"),
                // What is on its way to ClickHouse at that moment is new, too.
                0 => assert!(first + 1_000 > began_at && first > 100, "{arguments:?}: {first}"),
                before => assert!((count - before) as u32 <= last - began_at + 100, "{arguments:?}: {count}"),
            }
            assert_eq!(tail.said(), "", "{arguments:?}");
        };
        tokio::join!(sending, looking);
    }
}

#[tokio::test]
async fn nothing_before_is_no_failure() {
    let server = Server::start().await;
    let tail = Tail::start(&server, &["-n", "10", "--since", "1h"]).await;
    let line = tail.first(&server, &a_record("hello")).await;
    assert!(line.contains("shop@h1 hello"), "{line}");
}
