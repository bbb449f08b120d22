//! The browser that the tests drive.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::child;

/// Names a browser of the user's own.
const VARIABLE: &str = "LOG_CENTER_CHROMIUM";

/// The names under which systems install it, in order of preference.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Where macOS keeps it, which is on no PATH.
const MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// Finds Chromium; on Debian and its kin, as root, installs it. Else fails with what to install.
pub(super) fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        if !path.is_file() {
            bail!("{VARIABLE} names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    if !(child::on_path("apt-get").is_some() && rustix::process::geteuid().is_root()) {
        bail!(
            "the browser tests need Chromium: install it (Debian, Ubuntu: `sudo apt-get install chromium`; \
             macOS: Google Chrome), or name it with {VARIABLE}=/path/to/chromium"
        );
    }
    println!("no Chromium found: installing Debian's package `chromium`");
    child::run(&mut apt_get(&["update"]))?;
    child::run(&mut apt_get(&["install", "--yes", "--no-install-recommends", "chromium"]))?;
    match find() {
        Some(found) => Ok(found),
        None => bail!("apt-get installed `chromium`, but there is still none on the PATH"),
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--quiet"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn find() -> Option<PathBuf> {
    NAMES
        .iter()
        .find_map(|name| child::on_path(name))
        .or_else(|| Some(PathBuf::from(MACOS)).filter(|path| path.is_file()))
}
