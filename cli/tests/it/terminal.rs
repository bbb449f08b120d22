//! What a person sees: standard output is a terminal.

use super::{command, run};
use crate::harness::{Server, a_report, now_ms};
use log_center_wire::UnixMillis;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

/// What a command showed on a terminal.
pub struct Seen {
    pub code: Option<i32>,
    pub screen: String,
    pub said: String,
}

/// Runs a command whose standard output is a terminal of so many columns.
pub async fn on_terminal(mut command: Command, columns: u16) -> Seen {
    let seen = tokio::task::spawn_blocking(move || {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let no_control = i32::try_from(OpenptFlags::NOCTTY.bits()).unwrap();
        let theirs = File::options()
            .read(true)
            .write(true)
            .custom_flags(no_control)
            .open(OsStr::from_bytes(name.as_bytes()))
            .unwrap();
        tcsetwinsize(&theirs, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        command.env("TERM", "xterm-256color").stdin(Stdio::null()).stdout(theirs).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // It holds the terminal open, whose end would not be seen.
        drop(command);
        let reader = std::thread::spawn(move || {
            let mut screen = Vec::new();
            // Ends with an error when nobody holds the other end any more.
            _ = File::from(ours).read_to_end(&mut screen);
            screen
        });
        let output = child.wait_with_output().unwrap();
        (output, reader.join().unwrap())
    });
    let (output, screen) = seen.await.unwrap();
    Seen {
        code: output.status.code(),
        screen: String::from_utf8(screen).unwrap().replace("\r\n", "\n"),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The text without the colours that this program switches on.
pub fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let (order, behind) = behind.split_once('m').unwrap();
        assert!(order.chars().all(|char| char.is_ascii_digit() || char == ';'), "{order:?} is no colour");
        rest = behind;
    }
    out + rest
}

/// Whether a text holds anything that a terminal obeys, colours of this program's own aside.
fn is_harmless(text: &str) -> bool {
    let is_order = |char: char| {
        (char.is_control() && char != '\n')
            || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !without_colours(text).contains(is_order)
}

/// What somebody may write who wants to rule the terminal of whoever reads it.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]0;owned\u{7}",
    "\u{9b}31m\u{9d}0;owned\u{9c}",
    "\u{202e}gpj.exe\u{2066}\u{61c}",
    "a\rb\u{8}\u{8}\u{7f}\u{2028}c",
    "\u{1b}[31",
];

/// A record that has the text wherever a program can write one.
fn hostile(text: &str, number: usize) -> Value {
    let time = UnixMillis(now_ms() - 1000 + i64::try_from(number).unwrap()).to_string();
    // Names have limits, and the server takes no control characters in that of a service.
    let short = if text.len() < 60 { text } else { "" };
    let name: String = short.chars().filter(|char| !char.is_control()).collect();
    json!({"name": format!("shop{name}"), "hostname": format!("h{short}"), "pid": 1, "level": 50, "time": time,
        "msg": format!("m{text}"), "scope": "visit", "event": "client-res", "req_id": "req_hostile", "uid": format!("u{short}"),
        "span_id": format!("{number:016x}"), "extra": format!("method=GET status=500 k=v{text}"), "tm": 1.5, "d": {"url": format!("/u{text}"), "ip": "", "ua": ""},
        "err": {"type": format!("T{text}"), "msg": format!("e{text}"), "stack": format!("s{text}\n at x"), "file_path": format!("/f{text}"), "line_number": 7},
        "other": text})
}

#[tokio::test]
async fn records_rule_no_terminal() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let records: Vec<_> =
        HOSTILE.iter().enumerate().map(|(number, text)| hostile(text, number).to_string()).collect();
    server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    let mut report = a_report(1);
    report["error"]["message"] = HOSTILE.concat().into();
    report["context"]["key"] = HOSTILE.concat().into();
    let id = server.report(&report).await["id"].to_string();
    server.sql_becomes("SELECT count() FROM events", "7").await;
    server.sql_becomes("SELECT count() FROM issues", "7").await;
    let query = "SELECT msg, extra, uid FROM events";
    for arguments in [
        &["search"][..],
        &["search", "--json"],
        &["search", "--color", "always"],
        &["issues"],
        &["issues", "--json"],
        &["issues", "show", &id],
        &["issues", "show", &id, "--json"],
        &["requests"],
        &["requests", "--json"],
        &["trace", "req_hostile"],
        &["trace", "req_hostile", "--events"],
        &["trace", "req_hostile", "--json"],
        &["sql", query],
        &["sql", "--format", "json", query],
        &["sql", "--format", "csv", query],
    ] {
        let seen = on_terminal(command(&server.api, &state, arguments), 100).await;
        assert_eq!(seen.code, Some(0), "{arguments:?}: {}", seen.said);
        assert!(is_harmless(&seen.screen), "{arguments:?}: {:?}", seen.screen);
        assert!(seen.screen.len() > 200 && is_harmless(&seen.said), "{arguments:?}: {}", seen.screen);
        if arguments.contains(&"--json") {
            for line in seen.screen.lines() {
                serde_json::from_str::<Value>(line).unwrap();
            }
        }
    }
    // JSON that is piped means what was sent.
    let ran = run(command(&server.api, &state, &["search", "--json", "pid:1"]), "").await;
    let texts: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["attributes"]["other"].clone())
        .collect();
    assert_eq!(texts, HOSTILE.map(Value::from));
    // What is asked for comes back in messages.
    for arguments in [
        &["search", "color\u{9b}31m:red\u{1b}[2J"][..],
        &["issues", "show", "\u{1b}[2J"],
        &["trace", "a\u{1b}[2J"],
    ] {
        let ran = run(command(&server.api, &state, arguments), "").await;
        assert!(is_harmless(&ran.said) && ran.code != Some(0), "{:?}", ran.said);
    }
}

#[tokio::test]
async fn a_line_is_not_wider_than_the_terminal() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    let long = "a word and another ".repeat(20);
    let records: Vec<_> = (0..5).map(|number| hostile(&long, number).to_string()).collect();
    server.post("/api/v1/events").body(records.join("\n")).send().await.unwrap();
    server.sql_becomes("SELECT count() FROM events", "5").await;
    server.sql_becomes("SELECT count() > 0 FROM issues", "1").await;
    let id = server.json("/api/v1/issues").await["items"][0]["id"].to_string();
    for columns in [40, 60, 80, 200] {
        for arguments in
            [&["trace", "req_hostile", "--events"][..], &["requests"], &["issues"], &["issues", "show", &id]]
        {
            let seen = on_terminal(command(&server.api, &state, arguments), columns).await;
            let shown = without_colours(&seen.screen);
            assert!(shown.contains("another"), "{arguments:?}: {shown}");
            let widest = shown.lines().max_by_key(|line| line.width()).unwrap();
            assert!(widest.width() <= usize::from(columns), "{columns} {arguments:?}: {widest:?}");
        }
    }
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() {
    let server = Server::start().await;
    let state = TempDir::new().unwrap();
    server.post("/api/v1/events").body(hostile("", 1).to_string()).send().await.unwrap();
    server.sql_becomes("SELECT count() FROM events", "1").await;
    server.sql_becomes("SELECT count() FROM issues", "1").await;
    for arguments in [&["search"][..], &["issues"], &["requests"], &["trace", "req_hostile"]] {
        let coloured = on_terminal(command(&server.api, &state, arguments), 100).await.screen;
        assert!(coloured.contains("\u{1b}["), "{arguments:?}: {coloured}");
        let mut quiet = command(&server.api, &state, arguments);
        quiet.env("NO_COLOR", "1");
        let plain = on_terminal(quiet, 100).await.screen;
        assert_eq!(plain, without_colours(&coloured), "{arguments:?}");
        // By a pipe there are none, unless somebody insists.
        let piped = run(command(&server.api, &state, arguments), "").await.out;
        assert!(!piped.contains('\u{1b}'), "{arguments:?}: {piped}");
        let always = [arguments, &["--color", "always"]].concat();
        let forced = run(command(&server.api, &state, &always), "").await.out;
        assert_eq!(without_colours(&forced), piped, "{arguments:?}");
    }
}
