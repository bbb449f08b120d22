//! npm, the ordinary client of its registry: it knows the user's mirror, proxy and certificates.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::workspace;

/// The oldest Node that the project's own scripts are written for.
pub(crate) const NODE_MAJOR_AT_LEAST: u32 = 20;

/// An npm command that neither nags nor audits.
pub(crate) fn command() -> Command {
    let mut command = Command::new("npm");
    command
        .env("npm_config_update_notifier", "false")
        .env("npm_config_audit", "false")
        .env("npm_config_fund", "false")
        .env("npm_config_loglevel", "error");
    command
}

/// Fails with what to install if Node or npm is missing or too old.
pub(crate) fn require() -> Result<()> {
    let node = Command::new("node").arg("--version").output();
    let Some(version) = node.ok().filter(|answer| answer.status.success()) else {
        bail!("`node` was not found: install Node.js {NODE_MAJOR_AT_LEAST} or newer, and npm with it");
    };
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR_AT_LEAST) {
        bail!("Node.js is {version}, but {NODE_MAJOR_AT_LEAST} or newer is needed");
    }
    let npm = command().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !npm.is_ok_and(|status| status.success()) {
        bail!("`npm` was not found: install it (it usually comes with Node.js)");
    }
    Ok(())
}

/// `npm ci` in `directory`, unless what is installed there already is what its lock file names.
pub(crate) fn install(directory: &Path) -> Result<()> {
    require()?;
    let lock_file = directory.join("package-lock.json");
    let lock = std::fs::read(&lock_file).with_context(|| format!("cannot read {}", lock_file.display()))?;
    let digest = hex(&Sha256::digest(lock));
    let stamp = directory.join("node_modules/.installed-lock-sha256");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == digest) {
        return Ok(());
    }
    let shown = directory.strip_prefix(workspace::root()).unwrap_or(directory);
    println!("installing the web packages of {}", shown.display());
    let status = command().arg("ci").current_dir(directory).status().context("cannot run npm")?;
    if !status.success() {
        bail!("npm could not install the packages of {}; its message is above", shown.display());
    }
    std::fs::write(&stamp, digest).with_context(|| format!("cannot write {}", stamp.display()))
}

/// A digest as text.
pub(crate) fn hex(digest: &[u8]) -> String {
    format!("{:x}", HexDigest(digest))
}

struct HexDigest<'a>(&'a [u8]);

impl std::fmt::LowerHex for HexDigest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
