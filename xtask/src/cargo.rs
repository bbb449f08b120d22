//! Cargo, called from inside: what it built and where it put that.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::workspace;

/// Something with a `main` of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// `log-center` itself.
    Server,
    /// An example of the layer's crate, by its name.
    LayerExample(&'static str),
}

impl Program {
    fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Server => ["--package", "log-center-server", "--bin", "log-center"],
            Self::LayerExample(name) => ["--package", "log-center", "--example", name],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Server => "log-center",
            Self::LayerExample(name) => name,
        }
    }
}

/// The lines of `--message-format=json` that matter here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// A cargo command at the project's root, the same cargo that runs this program.
pub(crate) fn command() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace::root());
    command
}

/// Whether `cargo <subcommand>` is installed.
pub(crate) fn has(subcommand: &str) -> bool {
    command()
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Builds `program`, cargo's own progress shown, and says where it is.
pub(crate) fn build(program: Program, release: bool) -> Result<PathBuf> {
    let mut command = command();
    command.arg("build").args(program.arguments()).arg("--message-format=json-render-diagnostics");
    if release {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{} does not build; cargo's message is above", program.name());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == program.name()))
        .find_map(|message| message.executable)
        .ok_or_else(|| anyhow!("cargo built {} but named no program", program.name()))
}
