//! However a process ends, what was logged before is on standard output, and at the server where it could be sent.

use crate::backend::Backend;
use crate::child::{self, EXIT_RAN};
use crate::forwarding::{LONG, layer, log_errors, start};
use crate::json::read;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tracing_subscriber::prelude::*;

const SIGABRT: i32 = 6;
const SIGTERM: i32 = 15;

/// Where cargo puts the program of `examples/ends.rs` that it builds with these tests.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().and_then(Path::parent).unwrap().join("examples/ends");
    assert!(example.exists(), "cargo build -p log-center --example ends");
    example
}

/// The same program, built so that a panic ends it.
///
/// A profile of the workspace would build everything that the tests need a second time for that; a package of its
/// own needs the layer only.
fn aborting_example() -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aborts");
    let layer = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&package).unwrap();
    let manifest = format!(
        r#"
        [package]
        name = "aborts"
        edition = "2024"
        [workspace]
        [[bin]]
        name = "aborts"
        path = {:?}
        [dependencies]
        log-center = {{ path = {layer:?} }}
        tracing = "0.1"
        [profile.dev]
        panic = "abort"
        debug = false
        "#,
        layer.join("examples/ends.rs"),
    );
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    // The same dependencies, so that nothing is looked for elsewhere.
    std::fs::copy(layer.parent().unwrap().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--target-dir", "target"]).current_dir(&package);
    let built = cargo.stderr(Stdio::piped()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    package.join("target/debug/aborts")
}

/// The program, about to end in its way.
fn spawn(program: &Path, way: &str, batched: bool, backend: &Backend) -> Child {
    let mut command = Command::new(program);
    command.args([way, if batched { "batched" } else { "by-line" }]).env("LOG_CENTER_URL", backend.url());
    command.env_remove("RUST_LOG").env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// How it ended, what it wrote, and what the server has of that.
#[track_caller]
fn run(program: &Path, way: &str, batched: bool) -> (ExitStatus, Vec<Value>, Vec<Value>) {
    let backend = Backend::start(&[]);
    let mut child = spawn(program, way, batched, &backend);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let status = child::wait(&mut child);
    let sent = backend.lines();
    (status, text.lines().map(read).collect(), sent.iter().map(|line| read(line)).collect())
}

fn messages(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["msg"].as_str().unwrap()).collect()
}

/// What every one of them logs before it ends.
const BEFORE: [&str; 3] = ["service started", "told before the end", "last words"];

/// Checks the code, or signal, that the program ends with; what it writes after `BEFORE`; and, unless it cannot be
/// known, what the server has of both.
#[track_caller]
fn check(
    program: &Path,
    way: &str,
    (code, signal): (Option<i32>, Option<i32>),
    after: &[&str],
) -> Vec<Value> {
    let ways = [false, true].map(|batched| {
        let (status, written, sent) = run(program, way, batched);
        assert_eq!((status.code(), status.signal()), (code, signal), "{way}");
        assert_eq!(messages(&written), [&BEFORE[..], after].concat(), "{way}, batched: {batched}");
        let is_error = |record: &&Value| record["level"].as_u64() >= Some(50);
        let errors: Vec<_> = written.iter().filter(is_error).cloned().collect();
        if way != "exit-in-thread" {
            assert_eq!(sent, errors, "{way}, batched: {batched}");
        }
        written
    });
    let [_, batched] = ways;
    batched
}

#[test]
fn a_process_that_ends_on_its_own_loses_nothing() {
    let example = example();
    check(&example, "return", (Some(0), None), &[]);
    check(&example, "exit", (Some(3), None), &[]);
    check(&example, "exit-without-guard", (Some(3), None), &[]);
    // Only the main thread waits for the server.
    check(&example, "exit-in-thread", (Some(3), None), &["last words of a thread"]);
}

/// The place in `examples/ends.rs` where it panics.
#[track_caller]
fn assert_tells_panic(record: &Value, level: u64) {
    let err = &record["err"];
    assert_eq!(record["level"], level);
    assert_eq!((&err["type"], &err["file_path"]), (&"panic".into(), &"layer/examples/ends.rs".into()));
    assert_eq!(err["msg"], "index out of bounds: the len is 3 but the index is 7");
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ends.rs"));
    let line = source.unwrap().lines().position(|line| line.contains("numbers[index]")).unwrap() + 1;
    assert_eq!(err["line_number"], line);
}

#[test]
fn a_panic_that_ends_the_process_is_told_once_and_fatal() {
    const BOTH: [&str; 2] = ["panic", "panic ends the process"];
    for (way, end) in [("panic", (Some(101), None)), ("panic-in-callback", (None, Some(SIGABRT)))] {
        let written = check(&example(), way, end, &BOTH);
        assert_tells_panic(&written[3], 50);
        assert_tells_panic(&written[4], 60);
        // The server counts them as one.
        assert_eq!(written[3]["event_id"], written[4]["event_id"]);
        assert_ne!(written[1]["event_id"], written[4]["event_id"]);
    }
}

#[test]
fn a_panic_that_the_process_survives_is_an_error_of_its_request() {
    let written = check(&example(), "panic-in-thread", (Some(0), None), &["panic"]);
    assert_tells_panic(&written[3], 50);
    assert_eq!((&written[3]["scope"], &written[3]["req_id"]), (&"visit".into(), &"req_1".into()));
}

#[test]
fn a_panic_that_aborts_is_told_and_flushed_first() {
    let written = check(&aborting_example(), "panic", (None, Some(SIGABRT)), &["panic ends the process"]);
    // Of another package, cargo gives rustc the whole path.
    let mut fatal = written[3].clone();
    let path = fatal["err"]["file_path"].as_str().unwrap();
    assert!(path.ends_with("layer/examples/ends.rs"), "{path}");
    fatal["err"]["file_path"] = "layer/examples/ends.rs".into();
    assert_tells_panic(&fatal, 60);
}

#[test]
fn a_killed_process_has_written_its_lines() {
    let backend = Backend::start(&[]);
    let mut child = spawn(&example(), "wait", false, &backend);
    // Line by line there is nothing left to be flushed: once written, here they are.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let written: Vec<Value> = BEFORE.iter().map(|_| read(&lines.next().unwrap().unwrap())).collect();
    assert_eq!(messages(&written), BEFORE);
    backend.wait_for_requests(1);
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child::wait(&mut child).signal(), Some(SIGTERM));
    assert_eq!(backend.lines().iter().map(|line| read(line)).collect::<Vec<_>>(), written[1..2]);
}

/// Says to the child where the server is.
const URL: &str = "LOG_CENTER_TEST_URL";

#[test]
fn a_process_that_heeds_sigterm_loses_nothing() {
    const TEST: &str = "ends::a_process_that_heeds_sigterm_loses_nothing";
    if child::is_for(TEST) {
        let url = std::env::var(URL).unwrap();
        let (layer, guard) = log_center::layer("heeds").endpoint(url).batched_stdout().build().unwrap();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut signals =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
            tracing::error!("listens");
            signals.recv().await;
            tracing::error!("heeds");
            tracing::info!("last words");
        });
        drop(guard);
        std::process::exit(EXIT_RAN)
    }
    let backend = Backend::start(&[]);
    let mut command = child::command(TEST);
    let mut child = command.env(URL, backend.url()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("listens") {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0);
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(child::wait(&mut child).code(), Some(EXIT_RAN));
    let written: Vec<Value> = text.lines().filter(|line| line.starts_with('{')).map(read).collect();
    assert_eq!(messages(&written), ["listens", "heeds", "last words"]);
    assert_eq!(backend.lines().len(), 2);
}

#[test]
fn the_forwarder_outlives_the_runtime() {
    let backend = Backend::start(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (dispatch, capture, guard) =
        runtime.block_on(async { start(layer(&backend.url()).flush_timeout(LONG)) });
    let logging = dispatch.clone();
    let task = runtime.spawn(async move { log_errors(&logging, 0..10) });
    runtime.block_on(task).unwrap();
    runtime.block_on(async { log_errors(&dispatch, 10..20) });
    drop(runtime);
    log_errors(&dispatch, 20..30);
    drop(guard);
    assert_eq!(capture.lines().len(), 30);
    assert_eq!(backend.lines(), capture.lines());
}
