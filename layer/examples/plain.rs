//! A program with the layer, from start to end: it logs, meets an error, and ends when the error is at the server.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example plain`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let guard = log_center::layer("plain").version(env!("CARGO_PKG_VERSION")).init()?;

    let path = Path::new("/nowhere/settings.toml");
    tracing::info!(path = %path.display(), "reading settings");
    if let Err(error) = fs::read_to_string(path) {
        tracing::error!(error = &error as &dyn Error, path = %path.display(), "settings unreadable");
    }
    tracing::warn!("going on with the defaults");

    let sent = guard.flush(Duration::from_secs(3));
    let counts = guard.counts();
    tracing::info!(sent, accepted = counts.accepted, lost = counts.lost_in_all(), "done");
    Ok(())
}
