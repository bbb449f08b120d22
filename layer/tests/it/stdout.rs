//! Standard output as it is: a pipe that breaks, and one that is full; line by line and batched.

use crate::child::{self, EXIT_RAN};
use crate::json::read;
use log_center::Builder;
use log_center::limits::STDOUT_BATCH_BYTES;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use tracing_subscriber::prelude::*;

/// Says to a child that it is to batch its lines.
const BATCHED: &str = "LOG_CENTER_TEST_BATCHED";

/// A layer on standard output.
fn builder() -> Builder {
    let builder = log_center::layer("child").without_endpoint();
    if std::env::var_os(BATCHED).is_some() { builder.batched_stdout() } else { builder }
}

/// What the child does: waits to be told, logs from some threads, says so, and ends with its counts on stderr.
fn log_as_child(threads: usize, lines: usize) -> ! {
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let (layer, guard) = builder().build().unwrap();
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
    fn start(test: &str, batched: bool, stdout: impl Into<Stdio>) -> Self {
        let mut command = child::command(test);
        if batched {
            command.env(BATCHED, "1");
        }
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

/// Runs a check line by line and batched.
fn both_ways(check: impl Fn(bool)) {
    check(false);
    check(true);
}

#[test]
fn lines_of_many_threads_stay_whole() {
    const TEST: &str = "stdout::lines_of_many_threads_stay_whole";
    if child::is_for(TEST) {
        log_as_child(4, 500);
    }
    both_ways(|batched| {
        let mut logger = Logger::start(TEST, batched, Stdio::piped());
        logger.go();
        let mut text = String::new();
        logger.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(records_in(&text), 2000);
        assert_eq!(logger.stderr_line(), "logged");
        assert_eq!(logger.counts(), (2000, 0, true));
    });
}

#[test]
fn a_broken_pipe_hurts_nobody() {
    const TEST: &str = "stdout::a_broken_pipe_hurts_nobody";
    if child::is_for(TEST) {
        log_as_child(2, 500);
    }
    both_ways(|batched| {
        let mut logger = Logger::start(TEST, batched, Stdio::piped());
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
    });
}

/// A socket that takes some 200 KB and then says `EAGAIN`.
fn start_on_full_socket(test: &str, batched: bool) -> (Logger, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut logger = Logger::start(test, batched, OwnedFd::from(theirs));
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
    both_ways(|batched| {
        let (logger, mut ours) = start_on_full_socket(TEST, batched);
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(records_in(&text), 3000);
        assert_eq!(logger.counts(), (3000, 0, true));
    });
}

#[test]
fn a_pipe_full_for_too_long_costs_whole_lines() {
    const TEST: &str = "stdout::a_pipe_full_for_too_long_costs_whole_lines";
    if child::is_for(TEST) {
        log_as_child(2, 20_000);
    }
    both_ways(|batched| {
        let (logger, mut ours) = start_on_full_socket(TEST, batched);
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        let (written, unwritten, flushed) = logger.counts();
        assert_eq!((records_in(&text), written + unwritten, flushed), (written, 40_000, true));
        assert!(unwritten > 0);
    });
}

#[test]
fn a_batch_that_nothing_follows_is_written() {
    const TEST: &str = "stdout::a_batch_that_nothing_follows_is_written";
    if child::is_for(TEST) {
        let (layer, _guard) = builder().build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for n in 0..3 {
                tracing::info!(n, "line");
                tracing::debug!(n, "line");
                // The parent has both.
                std::io::stdin().read_line(&mut String::new()).unwrap();
            }
        });
        std::process::exit(EXIT_RAN)
    }
    let mut logger = Logger::start(TEST, true, Stdio::piped());
    let mut stdout = BufReader::new(logger.child.stdout.take().unwrap());
    let mut stdin = logger.child.stdin.take().unwrap();
    for n in 0..3 {
        let mut text = String::new();
        while records_in(&text) < 2 {
            assert_ne!(stdout.read_line(&mut text).unwrap(), 0);
        }
        assert!(text.ends_with(&format!("\"n={n}\"}}\n")));
        stdin.write_all(b"on\n").unwrap();
    }
    assert_eq!(child::wait(&mut logger.child).code(), Some(EXIT_RAN));
}

#[test]
fn an_error_and_a_full_batch_are_written_at_once() {
    const TEST: &str = "stdout::an_error_and_a_full_batch_are_written_at_once";
    if child::is_for(TEST) {
        let (layer, _guard) = builder().build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("before");
            tracing::error!("an error");
            tracing::info!(filling = "x".repeat(STDOUT_BATCH_BYTES), "larger than a batch");
            tracing::info!("pushes it out");
        });
        // Nobody gets to flush anything.
        std::process::abort()
    }
    let mut logger = Logger::start(TEST, true, Stdio::piped());
    let mut text = String::new();
    logger.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(records_in(&text) >= 3, "{text}");
    assert_eq!(child::wait(&mut logger.child).code(), None, "killed by SIGABRT");
}
