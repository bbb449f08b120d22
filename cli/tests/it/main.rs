//! The commands as their users meet them: the real program, run against a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, missing_docs, reason = "a test binary is reached by nobody")]

mod answers;
#[path = "../../../server/tests/it/harness.rs"]
#[allow(dead_code, reason = "it is the server's, whose tests need more of it")]
mod harness;
mod import;
mod issues;
mod known;
mod offline;
mod refusals;
mod requests;
mod resume;
mod search;
mod signals;
mod sql;
mod tail;
mod terminal;
mod trace;
mod trace_clocks;
mod trace_cut;
mod trace_fold;

use crate::harness::{DEADLINE, POLL, Server, program};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// What a command did.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub said: String,
}

/// The program with a command, a server and a directory for its state.
pub fn command(url: &str, state: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("LOG_CENTER_URL", url).env("LOG_CENTER_STATE_DIR", state.path());
    command.env_remove("NO_COLOR").env_remove("LOG_CENTER_LOG");
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command, stdin: impl Into<Vec<u8>>) -> Ran {
    let stdin = stdin.into();
    let output = tokio::task::spawn_blocking(move || {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let feed = std::thread::spawn(move || _ = pipe.write_all(&stdin));
        let output = child.wait_with_output().unwrap();
        feed.join().unwrap();
        output
    })
    .await
    .unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// It ended with this code and said all of this on standard error.
    #[track_caller]
    pub fn ended(&self, code: i32, told: &[&str]) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.said, self.out);
        for part in told {
            assert!(self.said.contains(part), "{part:?} is not in:\n{}", self.said);
        }
    }
}

/// Waits for a child that must end by itself.
pub async fn ended(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < DEADLINE, "the command does not end");
        tokio::time::sleep(POLL).await;
    }
}

/// Lines of a service, numbered from 1 in `pid`; every hundredth is an ERROR with `err`.
pub fn lines(count: u32) -> String {
    lines_from(1, count)
}

/// As many lines, from this number on.
pub fn lines_from(first: u32, count: u32) -> String {
    (first..first + count)
        .map(|number| {
            let rest = if number % 100 == 0 {
                r#""level":50,"err":{"name":"Declined","message":"card declined","stack":"Error: card declined\n    at pay (/srv/pay.js:7:11)"}"#
            } else {
                r#""level":30"#
            };
            format!("{{\"name\":\"shop\",\"hostname\":\"h1\",\"pid\":{number},\"time\":\"2026-11-20T10:30:00.000Z\",\"msg\":\"paid\",\"v\":0,{rest}}}\n")
        })
        .collect()
}

pub fn write(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The server has each of these lines once.
pub async fn has_lines_once(server: &Server, count: u32) {
    let statement = "SELECT count(), uniqExact(pid), max(pid) FROM events WHERE project = 'shop'";
    server.sql_becomes(statement, &format!("{count}\t{count}\t{count}")).await;
    server.sql_becomes("SELECT sum(count) FROM issues", &(count / 100).to_string()).await;
}

/// What is in a directory, by name.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Whether a directory holds a file with such an extension.
pub fn has_extension(directory: &Path, extension: &str) -> bool {
    names(directory).iter().any(|name| Path::new(name).extension() == Some(OsStr::new(extension)))
}
