//! What is written and what reaches the server, by what the program and its operator say.

use crate::backend::Backend;
use crate::child::{self, EXIT_RAN};
use crate::forwarding::{LONG, layer, start};
use crate::json::read_any;
use log_center::{Error, ForwardMode};
use std::io::Read;
use std::process::Stdio;
use tracing::dispatcher::with_default;
use tracing::{debug, error, info, info_span};
use tracing_subscriber::filter::{LevelFilter, Targets};

fn messages(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| read_any(line)["msg"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_sends_everything_that_is_written() {
    let backend = Backend::start(&[]);
    let (dispatch, capture, guard) = start(layer(&backend.url()).forward(ForwardMode::All));
    with_default(&dispatch, || {
        debug!("one");
        error!("two");
        info_span!("request", req_id = "r").in_scope(|| info!("three"));
    });
    assert!(guard.flush(LONG));
    assert_eq!(backend.lines(), capture.lines());
    assert_eq!(messages(&backend.lines()), ["one", "two", "three"]);
}

#[test]
fn each_has_a_filter_of_its_own() {
    let backend = Backend::start(&[]);
    let builder = layer(&backend.url())
        .forward(ForwardMode::All)
        .write_filter(Targets::new().with_target("written", LevelFilter::INFO))
        .forward_filter(Targets::new().with_target("sent", LevelFilter::DEBUG));
    let (dispatch, capture, guard) = start(builder);
    with_default(&dispatch, || {
        for _ in 0..3 {
            info!(target: "written", "w");
            debug!(target: "written", "too fine");
            debug!(target: "sent", "s");
            info!(target: "neither", "n");
        }
    });
    assert!(guard.flush(LONG));
    assert_eq!(messages(&capture.lines()), ["w"; 3]);
    assert_eq!(messages(&backend.lines()), ["s"; 3]);
    assert_eq!((guard.counts().written, guard.counts().offered), (3, 3));
}

/// What the child does: the same for every setting.
fn log_as_child() -> ! {
    match log_center::layer("child").init() {
        Ok(guard) => {
            error!("outside failed");
            info!("outside");
            info_span!("request", req_id = "bad").in_scope(|| {
                debug!("bad began");
                error!("bad failed");
            });
            info_span!("request", req_id = "good").in_scope(|| {
                debug!("good began");
                info!("good ended");
            });
            debug!(target: "noisy", "noise");
            assert!(guard.flush(LONG));
            std::process::exit(EXIT_RAN)
        }
        Err(error) => {
            // As `main` would print it.
            eprint!("{error:?}");
            std::process::exit(EXIT_RAN)
        }
    }
}

const TEST: &str = "modes::the_environment_decides";

struct Seen {
    written: Vec<String>,
    sent: Vec<String>,
    heads: Vec<String>,
    error: String,
}

/// Starts a child with these variables.
#[track_caller]
fn run(variables: &[(&str, &str)]) -> Seen {
    let backend = Backend::start(&[]);
    let mut command = child::command(TEST);
    for name in ["LOG_CENTER_KEY", "LOG_CENTER_MODE", "LOG_CENTER_LEVEL", "LOG_CENTER_SLOW_MS", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("LOG_CENTER_URL", backend.url()).envs(variables.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut error) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(child::wait(&mut child).code(), Some(EXIT_RAN), "{variables:?}: {error}");
    let lines: Vec<String> = stdout.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect();
    let heads = backend.requests().into_iter().map(|request| request.head).collect();
    Seen { written: messages(&lines), sent: messages(&backend.lines()), heads, error }
}

#[track_caller]
fn check(variables: &[(&str, &str)], written: &[&str], sent: &[&str]) {
    let seen = run(variables);
    assert_eq!(seen.written, written, "written under {variables:?}");
    assert_eq!(seen.sent, sent, "sent under {variables:?}");
    assert_eq!(seen.error, "", "{variables:?}");
}

#[track_caller]
fn check_refused(variable: (&str, &str), expected: &str) {
    assert_eq!(run(&[variable]).error, expected);
}

#[test]
fn the_environment_decides() {
    if child::is_for(TEST) {
        log_as_child();
    }
    // The layer's own record goes to the server only where everything does.
    let info = &["service started", "outside failed", "outside", "bad failed", "good ended"][..];
    let errors = &["outside failed", "bad failed"][..];
    let story = &["outside failed", "bad began", "bad failed"][..];
    check(&[], info, errors);
    check(&[("LOG_CENTER_MODE", "errors"), ("RUST_LOG", "off,child=off")], &[], &[]);
    check(&[("LOG_CENTER_MODE", "errors"), ("RUST_LOG", "off"), ("LOG_CENTER_LEVEL", "debug")], &[], errors);
    check(&[("LOG_CENTER_MODE", "ALL")], info, info);
    check(&[("LOG_CENTER_MODE", "all"), ("LOG_CENTER_LEVEL", "error")], info, errors);
    check(&[("LOG_CENTER_MODE", "all"), ("LOG_CENTER_LEVEL", "off,noisy=debug")], info, &["noise"]);
    check(&[("LOG_CENTER_MODE", "off")], info, &[]);
    check(&[("LOG_CENTER_MODE", "on-error")], info, story);
    check(&[("LOG_CENTER_MODE", "on-error"), ("RUST_LOG", "error")], errors, story);
    check(&[("LOG_CENTER_MODE", "on-error"), ("LOG_CENTER_LEVEL", "info")], info, errors);
    let slow = [("LOG_CENTER_MODE", "on-error"), ("LOG_CENTER_SLOW_MS", "3600000")];
    check(&slow, info, story);

    let seen = run(&[("LOG_CENTER_KEY", " s3cret ")]);
    assert!(!seen.heads.is_empty());
    assert!(
        seen.heads.iter().all(|head| head.contains("authorization: bearer s3cret\r\n")),
        "{:?}",
        seen.heads
    );
    assert!(run(&[]).heads.iter().all(|head| !head.contains("authorization")));

    check_refused(("LOG_CENTER_KEY", "s3\tcret"), &bad_key("LOG_CENTER_KEY"));
    check_refused(
        ("LOG_CENTER_MODE", "some"),
        "LOG_CENTER_MODE=\"some\": must be errors, all, on-error or off",
    );
    check_refused(
        ("LOG_CENTER_SLOW_MS", "1s"),
        "LOG_CENTER_SLOW_MS=\"1s\": must be a whole number of milliseconds, at least 1",
    );
    for name in ["LOG_CENTER_LEVEL", "RUST_LOG"] {
        let error = run(&[(name, "shop=loud")]).error;
        assert!(error.starts_with(&format!("{name}=\"shop=loud\": ")), "{error}");
    }
}

fn bad_key(source: &str) -> String {
    format!("{source}: a key is visible ASCII characters, without spaces or control characters")
}

#[test]
fn a_key_is_told_to_nobody_but_the_server() {
    let backend = Backend::start(&[]);
    let builder = layer(&backend.url()).key("s3cret");
    assert!(!format!("{builder:?}").contains("s3cret"));
    let (dispatch, capture, guard) = start(builder);
    assert!(!format!("{guard:?}").contains("s3cret"));
    with_default(&dispatch, || error!("failed"));
    assert!(guard.flush(LONG));
    assert!(backend.requests()[0].head.contains("authorization: bearer s3cret\r\n"));
    assert!(!capture.lines()[0].contains("s3cret"));
    for key in ["", " ", "two words", "s3cret\u{7}", "s3crét", "a\r\nx-header: b"] {
        let refused: Result<_, Error> = layer(&backend.url()).key(key).build();
        assert_eq!(refused.map(drop).unwrap_err().to_string(), bad_key("key"));
    }
}
