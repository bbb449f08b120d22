//! Standard output as it is: a pipe that breaks, and one that is full.

use crate::child::{self, EXIT_RAN};
use crate::json::read;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use tracing_subscriber::prelude::*;

/// What the child does: waits to be told, logs from some threads, says so, and ends with its counts on stderr.
fn log_as_child(threads: usize, lines: usize) -> ! {
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let (layer, guard) = log_center::layer("child").without_endpoint().build().unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for n in 0..lines {
                    tracing::info!(thread, n, filling = "x".repeat(100), "line");
                }
            });
        }
    });
    eprintln!("logged");
    let flushed = guard.flush(std::time::Duration::from_secs(20));
    let counts = guard.counts();
    eprintln!("{} {} {flushed}", counts.written, counts.unwritten);
    std::process::exit(EXIT_RAN)
}

struct Logger {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Logger {
    fn start(test: &str, stdout: impl Into<Stdio>) -> Self {
        let mut command = child::command(test);
        let mut child = command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    fn go(&mut self) {
        self.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }

    fn stderr_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Lines written, lines not written, whether all was flushed.
    #[track_caller]
    fn counts(mut self) -> (usize, usize, bool) {
        let line = self.stderr_line();
        assert_eq!(child::wait(&mut self.child).code(), Some(EXIT_RAN), "{line}");
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap().to_owned();
        (next().parse().unwrap(), next().parse().unwrap(), next().parse().unwrap())
    }
}

/// The records among what libtest says.
fn records_in(stdout: &str) -> usize {
    stdout.lines().filter(|line| line.starts_with('{')).map(read).count()
}

#[test]
fn lines_of_many_threads_stay_whole() {
    const TEST: &str = "stdout::lines_of_many_threads_stay_whole";
    if child::is_for(TEST) {
        log_as_child(4, 500);
    }
    let mut logger = Logger::start(TEST, Stdio::piped());
    logger.go();
    let mut text = String::new();
    logger.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(records_in(&text), 2000);
    assert_eq!(logger.stderr_line(), "logged");
    assert_eq!(logger.counts(), (2000, 0, true));
}

#[test]
fn a_broken_pipe_hurts_nobody() {
    const TEST: &str = "stdout::a_broken_pipe_hurts_nobody";
    if child::is_for(TEST) {
        log_as_child(2, 500);
    }
    let mut logger = Logger::start(TEST, Stdio::piped());
    let mut stdout = BufReader::new(logger.child.stdout.take().unwrap());
    // libtest itself would fail on a broken pipe, so it says first what it has to say.
    let mut line = String::new();
    while !line.starts_with("running") {
        line.clear();
        stdout.read_line(&mut line).unwrap();
    }
    drop(stdout);
    logger.go();
    assert_eq!(logger.stderr_line(), "logged");
    assert_eq!(logger.counts(), (0, 1000, true));
}

/// A socket that takes some 200 KB and then says `EAGAIN`.
fn start_on_full_socket(test: &str) -> (Logger, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut logger = Logger::start(test, OwnedFd::from(theirs));
    logger.go();
    assert_eq!(logger.stderr_line(), "logged");
    (logger, ours)
}

#[test]
fn a_full_pipe_delays_lines() {
    const TEST: &str = "stdout::a_full_pipe_delays_lines";
    if child::is_for(TEST) {
        log_as_child(1, 3000);
    }
    let (logger, mut ours) = start_on_full_socket(TEST);
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(records_in(&text), 3000);
    assert_eq!(logger.counts(), (3000, 0, true));
}

#[test]
fn a_pipe_full_for_too_long_costs_whole_lines() {
    const TEST: &str = "stdout::a_pipe_full_for_too_long_costs_whole_lines";
    if child::is_for(TEST) {
        log_as_child(2, 20_000);
    }
    let (logger, mut ours) = start_on_full_socket(TEST);
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    let (written, unwritten, flushed) = logger.counts();
    assert_eq!((records_in(&text), written + unwritten, flushed), (written, 40_000, true));
    assert!(unwritten > 0);
}
