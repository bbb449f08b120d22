//! The Python that runs the clients' tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{child, npm, workspace};

/// A Python 3, with `requests` if that could be had.
pub(super) struct Python {
    /// The interpreter.
    pub(super) program: PathBuf,
    /// Why the package `requests` is not there, which only the integration guide's client needs.
    pub(super) without_requests: Option<String>,
}

/// `None`: there is no python3. Without `requests` a virtual environment in `.tools` gets it.
pub(super) fn find() -> Option<Python> {
    let system = PathBuf::from("python3");
    if !child::succeeds(Command::new(&system).args(["-c", "import sys; assert sys.version_info >= (3, 8)"])) {
        return None;
    }
    if has_requests(&system) {
        return Some(Python { program: system, without_requests: None });
    }
    let directory = workspace::tools().join("python");
    let own = directory.join("bin/python3");
    if has_requests(&own) || install_requests(&system, &directory, &own) {
        return Some(Python { program: own, without_requests: None });
    }
    let reason = "python3 has no package `requests`, and pip could not install it into .tools/python \
                  (Debian: install python3-requests)";
    Some(Python { program: system, without_requests: Some(reason.to_owned()) })
}

fn has_requests(python: &Path) -> bool {
    child::succeeds(Command::new(python).args(["-c", "import requests"]))
}

fn install_requests(system: &Path, directory: &Path, own: &Path) -> bool {
    println!("installing the Python package `requests` into .tools/python");
    child::succeeds(Command::new(system).args(["-m", "venv", "--clear"]).arg(directory))
        && child::succeeds(Command::new(own).args(["-m", "pip", "install", "--quiet", "requests"]))
        && has_requests(own)
}

/// The oldest Python that other people's clients of ClickHouse run with.
const CLIENTS_AT_LEAST: (u32, u32) = (3, 10);

/// A Python with exactly the packages that a file of requirements names, with their hashes, in a virtual environment in `.tools`.
/// `None`: there is no Python that is new enough.
pub(super) fn with_packages(requirements: &Path) -> Result<Option<PathBuf>> {
    let (major, minor) = CLIENTS_AT_LEAST;
    let is_new_enough = format!("import sys, venv; assert sys.version_info >= ({major}, {minor})");
    if !child::succeeds(Command::new("python3").args(["-c", &is_new_enough])) {
        return Ok(None);
    }
    let lock =
        std::fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let digest = npm::hex(&Sha256::digest(lock));
    let directory = workspace::tools().join("sql-clients");
    let (python, stamp) = (directory.join("bin/python3"), directory.join(".installed-lock-sha256"));
    let is_installed = std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == digest);
    if is_installed && child::succeeds(Command::new(&python).args(["-c", "pass"])) {
        return Ok(Some(python));
    }
    println!("installing the Python packages of {}", requirements.display());
    child::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-deps",
    ]);
    child::run(pip.arg("--requirement").arg(requirements))?;
    std::fs::write(&stamp, digest).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(Some(python))
}
