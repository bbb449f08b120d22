//! What this program says of itself.
//!
//! The server and its engine are services like those that they serve, and log through the same layer: bunyan records, one
//! a line, on standard output, from where any shipper takes them. They are never sent to a server by the layer itself,
//! whatever `LOG_CENTER_URL` says: a server that reports to itself that it cannot store would have that to store, too.
//! Commands talk to a person, on standard error.

use log_center::{Builder, Guard};
use serde::Serialize;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

/// The name of the server's records.
const SERVER: &str = "log-center";

/// The name of its engine's records.
const ENGINE: &str = "log-center-engine";

/// Bunyan's number for INFO.
const INFO: u8 = 30;

/// Logs as the server, with a sample of the process every 30 s, until the guard is dropped.
///
/// # Errors
/// The filter cannot be read.
pub fn of_server(filter: &str) -> anyhow::Result<Guard> {
    install(log_center::layer(SERVER), filter)
}

/// Logs as the engine. Starts no thread: the engine's sandbox holds for the threads that are started after it.
///
/// # Errors
/// The filter cannot be read.
pub fn of_engine(filter: &str) -> anyhow::Result<Guard> {
    install(log_center::layer(ENGINE).without_stat(), filter)
}

/// Logs as a command: on standard error, for people.
///
/// # Errors
/// The filter cannot be read.
pub fn of_command(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(filter)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        // Whoever reads standard error may be gone; that is no reason to fail.
        .log_internal_errors(false)
        .init();
    Ok(())
}

fn install(layer: Builder, filter: &str) -> anyhow::Result<Guard> {
    // The stricter reader of the two: one and the same text is right or wrong for every command.
    EnvFilter::builder().parse(filter)?;
    let targets: Targets = filter.parse()?;
    Ok(layer.version(env!("CARGO_PKG_VERSION")).without_endpoint().write_filter(targets).init()?)
}

/// A record of the server that is always written, whatever the filter says: whoever started the server waits for it.
/// What it has to say stands in keys of its own.
#[derive(Serialize)]
struct Announcement<'a, T> {
    v: u8,
    level: u8,
    name: &'a str,
    hostname: String,
    pid: u32,
    time: String,
    msg: &'a str,
    scope: &'a str,
    #[serde(flatten)]
    said: T,
}

/// Writes such a record.
///
/// # Errors
/// What is to be said is no JSON object.
pub(crate) fn announce(msg: &str, said: impl Serialize) -> serde_json::Result<()> {
    let record = Announcement {
        v: 1,
        level: INFO,
        name: SERVER,
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        time: crate::clock::now().to_string(),
        msg,
        scope: "desc",
        said,
    };
    pass_on(serde_json::to_string(&record)?);
    Ok(())
}

/// Writes a line to standard output in one piece, between those of the layer. If nobody reads there, nobody misses it.
pub(crate) fn pass_on(mut line: String) {
    line.push('\n');
    let mut out = io::stdout().lock();
    _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// The same to standard error.
pub(crate) fn pass_on_error(mut line: String) {
    line.push('\n');
    _ = io::stderr().lock().write_all(line.as_bytes());
}
