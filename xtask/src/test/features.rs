//! The layer goes into services that are not ours: with any of its features, and with an older Rust than the project's.

use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::Outcome;
use crate::{cargo, child};

/// The crate whose features and whose Rust are checked.
const PACKAGE: &str = "log-center";

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// Absent for a package that does not say.
    rust_version: Option<String>,
    features: std::collections::BTreeMap<String, Vec<String>>,
}

/// Checks the crate with each feature alone, with none and with all, and with the oldest Rust that it claims to need.
pub(super) fn run() -> Result<Outcome> {
    let package = package()?;
    if cargo::has("hack") {
        println!("by cargo-hack:");
        child::run(cargo::command().args(["hack", "--package", PACKAGE, "--each-feature"]).args(CLIPPY))?;
    } else {
        println!("by this program's own loop, cargo-hack is not installed:");
        for selection in selections(&package) {
            println!("{}", selection.join(" "));
            let mut command = cargo::command();
            command.args(["clippy", "--package", PACKAGE, "--lib"]).args(&selection);
            child::run(command.args(["--", "--deny", "warnings"]))?;
        }
    }
    let minimum = package.rust_version.ok_or_else(|| anyhow!("{PACKAGE} does not say its rust-version"))?;
    let Some(toolchain) = toolchain(&minimum) else {
        return Ok(Outcome::Skipped(format!(
            "every feature passed, but Rust {minimum} is not here to check with (rustup toolchain install {minimum})"
        )));
    };
    println!("with Rust {minimum}, by the toolchain {toolchain}:");
    let mut command = Command::new("rustup");
    command.args(["run", &toolchain, "cargo", "check", "--package", PACKAGE, "--lib", "--all-features"]);
    child::run(command.current_dir(crate::workspace::root()))?;
    Ok(Outcome::Passed)
}

/// What cargo-hack runs for each feature: clippy, and so its lint for what is newer than the crate's `rust-version`.
const CLIPPY: [&str; 5] = ["clippy", "--lib", "--", "--deny", "warnings"];

fn package() -> Result<Package> {
    let mut command = cargo::command();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let output = command.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let package = metadata.packages.into_iter().find(|package| package.name == PACKAGE);
    package.ok_or_else(|| anyhow!("there is no package {PACKAGE}"))
}

/// The arguments that select no feature, each feature alone, and all of them.
fn selections(package: &Package) -> Vec<Vec<&str>> {
    let alone = package.features.keys().filter(|feature| *feature != "default");
    let mut selections = vec![vec!["--no-default-features"]];
    selections.extend(alone.map(|feature| vec!["--no-default-features", "--features", feature]));
    selections.push(vec!["--all-features"]);
    selections
}

/// A toolchain of this version that rustup has already: `1.85-x86_64-unknown-linux-gnu`, or one of its patches.
fn toolchain(version: &str) -> Option<String> {
    let output = Command::new("rustup").args(["toolchain", "list", "--quiet"]).output().ok()?;
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    names.lines().map(str::trim).find(|name| is_of(name, version)).map(str::to_owned)
}

fn is_of(toolchain: &str, version: &str) -> bool {
    toolchain.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[track_caller]
    fn check(toolchain: &str, expected: bool) {
        assert_eq!(is_of(toolchain, "1.85"), expected, "{toolchain}");
    }

    #[test]
    fn toolchains_are_told_apart() {
        check("1.85-x86_64-unknown-linux-gnu", true);
        check("1.85.1-aarch64-apple-darwin", true);
        check("1.85", true);
        check("1.850-x86_64-unknown-linux-gnu", false);
        check("1.8-x86_64-unknown-linux-gnu", false);
        check("stable-x86_64-unknown-linux-gnu", false);
    }
}
