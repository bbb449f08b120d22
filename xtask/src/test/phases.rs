//! What each phase runs. Everything is built with one profile and one set of features, so that phases share what cargo
//! compiled.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{Outcome, chromium, python};
use crate::cargo::{self, Program};
use crate::server::{Process, STOP_DEADLINE, password_of};
use crate::{child, libchdb, nginx, npm, workspace};

/// How long a separately started engine may take until it listens.
const ENGINE_READY_DEADLINE: Duration = Duration::from_secs(60);

pub(super) fn format() -> Result<Outcome> {
    passed(cargo::command().args(["fmt", "--all", "--check"]))
}

pub(super) fn lint() -> Result<Outcome> {
    passed(cargo::command().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

pub(super) fn docs() -> Result<Outcome> {
    let doc = |selection: &[&str]| {
        let mut command = cargo::command();
        command.args(["doc", "--no-deps"]).args(selection).env("RUSTDOCFLAGS", "--deny warnings");
        command
    };
    // Libraries and this program apart: the library `log_center` and the program `log-center` would be written to one place.
    child::run(&mut doc(&["--workspace", "--lib"]))?;
    passed(&mut doc(&["--package", "xtask", "--bins"]))
}

pub(super) fn deny() -> Result<Outcome> {
    if !cargo::has("deny") {
        return Ok(Outcome::Skipped("cargo-deny is not installed (cargo install cargo-deny)".to_owned()));
    }
    // Not `advisories`: their database is fetched from a place that a closed network does not reach.
    passed(cargo::command().args(["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

pub(super) fn web() -> Result<Outcome> {
    let e2e = workspace::root().join("e2e");
    npm::install(&e2e)?;
    passed(npm::command().args(["run", "--silent", "check"]).current_dir(&e2e))
}

pub(super) fn clients() -> Result<Outcome> {
    npm::require()?;
    let clients = workspace::root().join("clients");
    child::run(npm::command().args(["test", "--silent"]).current_dir(clients.join("javascript")))?;
    let Some(python) = python::find() else {
        return Ok(Outcome::Skipped("JavaScript passed, but there is no python3 (3.8 or newer)".to_owned()));
    };
    passed(Command::new(python.program).args(["-m", "unittest"]).current_dir(clients.join("python")))
}

pub(super) fn rust() -> Result<Outcome> {
    let mut environment = Vec::new();
    if let Some(library) = libchdb::ensure_present()? {
        environment.push((libchdb::LIBRARY_VARIABLE, library.into_os_string()));
    }
    npm::require()?;
    child::run(test_command(Packages::All).envs(environment.clone()))?;
    passed(cargo::command().args(["test", "--workspace", "--doc"]).envs(environment))
}

/// Whose tests to run.
enum Packages {
    All,
    Server,
}

/// `cargo nextest` tells more; plain `cargo test` is always there.
fn test_command(packages: Packages) -> Command {
    let mut command = cargo::command();
    match (cargo::has("nextest"), packages) {
        (true, Packages::All) => command.args(["nextest", "run", "--workspace", "--no-fail-fast"]),
        // A filter and no `--package`: with fewer packages dependencies get other features and are compiled again.
        (true, Packages::Server) => command
            .args(["nextest", "run", "--workspace", "--no-fail-fast"])
            .args(["--filterset", "package(log-center-server) + package(log-center-cli)"]),
        (false, Packages::All) => command.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]),
        (false, Packages::Server) => {
            let packages = ["--package", "log-center-server", "--package", "log-center-cli"];
            command.arg("test").args(packages).args(["--all-targets", "--no-fail-fast"])
        }
    };
    command
}

/// The line that a separately started engine prints when it is ready.
#[derive(Deserialize)]
struct EngineReady {
    /// As in `127.0.0.1:41234`.
    listening: String,
}

pub(super) fn remote() -> Result<Outcome> {
    let library = libchdb::ensure_present()?;
    let binary = cargo::build(Program::Server, false)?;
    let data_dir = tempfile::tempdir()?;
    let mut command = Command::new(binary);
    command
        .arg("engine")
        .env("LOG_CENTER_ENGINE_ADDR", "127.0.0.1:0")
        .env("LOG_CENTER_ENGINE_DATA_DIR", data_dir.path().join("clickhouse"));
    if let Some(library) = library {
        command.env(libchdb::LIBRARY_VARIABLE, library);
    }
    let (mut engine, ready): (Process, EngineReady) = Process::start(command, ENGINE_READY_DEADLINE, None)?;
    println!("the engine under test is at {}", ready.listening);
    let password = password_of(&data_dir.path().join("clickhouse"))?;
    let clickhouse = format!("http://default:{password}@{}", ready.listening);
    let result = passed(test_command(Packages::Server).env(libchdb::CLICKHOUSE_VARIABLE, &clickhouse));
    engine.stop(STOP_DEADLINE)?;
    result
}

pub(super) fn services() -> Result<Outcome> {
    let library = libchdb::ensure_present()?;
    let e2e = workspace::root().join("e2e");
    npm::install(&e2e)?;
    npm::install(&e2e.join("bunyan"))?;
    let mut command = npm::command();
    command.args(["run", "--silent", "services"]).current_dir(&e2e);
    command.env("LOG_CENTER_BIN", cargo::build(Program::Server, false)?);
    if let Some(library) = library {
        command.env(libchdb::LIBRARY_VARIABLE, library);
    }
    for example in ["gateway", "prices", "shop", "pay", "ends"] {
        let program = cargo::build(Program::LayerExample(example), false)?;
        command.env(format!("LOG_CENTER_EXAMPLE_{}", example.to_uppercase()), program);
    }
    let Some(nginx) = nginx::find_or_fetch()? else {
        // Where nobody reads the summary nothing may be left out.
        ensure!(std::env::var_os("CI").is_none(), nginx::MISSING);
        child::run(command.env("LOG_CENTER_WITHOUT_NGINX", nginx::MISSING))?;
        return Ok(Outcome::Skipped(format!("bunyan and trees passed, but {}", nginx::MISSING)));
    };
    command.env("LOG_CENTER_NGINX", nginx.program);
    passed(command.env("LOG_CENTER_NGINX_LIBRARIES", std::env::join_paths(nginx.libraries)?))
}

pub(super) fn e2e() -> Result<Outcome> {
    let library = libchdb::ensure_present()?;
    let e2e = workspace::root().join("e2e");
    npm::install(&e2e)?;
    let chromium = chromium::find_or_install()?;
    let python = python::find();
    let server = cargo::build(Program::Server, false)?;
    let plain = cargo::build(Program::LayerExample("plain"), false)?;
    let mut command = npm::command();
    command
        .args(["test", "--silent"])
        .current_dir(&e2e)
        .env("LOG_CENTER_BIN", server)
        .env("LOG_CENTER_EXAMPLE_PLAIN", plain)
        .env("LOG_CENTER_CHROMIUM", chromium);
    if let Some(library) = library {
        command.env(libchdb::LIBRARY_VARIABLE, library);
    }
    if let Some(python) = python {
        command.env("LOG_CENTER_PYTHON", python.program);
        command.env("LOG_CENTER_WITHOUT_REQUESTS", python.without_requests.unwrap_or_default());
    } else {
        command.env("LOG_CENTER_PYTHON", Path::new(""));
    }
    passed(&mut command)
}

fn passed(command: &mut Command) -> Result<Outcome> {
    child::run(command)?;
    Ok(Outcome::Passed)
}
