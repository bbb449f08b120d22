//! The Python that runs the clients' tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{child, workspace};

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
