//! The environment variables that operators set.

use crate::error::Error;
use std::env;
use tracing_subscriber::filter::Targets;

/// The server.
pub(crate) const URL: &str = "LOG_CENTER_URL";

/// What the server asks of who sends.
pub(crate) const KEY: &str = "LOG_CENTER_KEY";

/// Which records go to the server.
pub(crate) const MODE: &str = "LOG_CENTER_MODE";

/// Of what targets and levels they are.
pub(crate) const LEVEL: &str = "LOG_CENTER_LEVEL";

/// From how many milliseconds on a request is slow.
pub(crate) const SLOW_MS: &str = "LOG_CENTER_SLOW_MS";

/// Where the service runs.
pub(crate) const ENVIRONMENT: &str = "ENVIRONMENT";

/// Those of these names that begin with `LOG_CENTER_`.
pub(crate) const OWN: &[&str] = &[URL, KEY, MODE, LEVEL, SLOW_MS];

/// What is written.
pub(crate) const WRITTEN: &str = "RUST_LOG";

/// A variable that is set to something.
pub(crate) fn read(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().trim().to_owned();
    (!value.is_empty()).then_some(value)
}

/// The same for `target=level` pairs.
pub(crate) fn read_targets(name: &str) -> Result<Option<Targets>, Error> {
    let Some(text) = read(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| Error::new(format!("{name}={text:?}: {error}")))
}
