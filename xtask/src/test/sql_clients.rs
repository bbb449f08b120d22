//! Other people's clients of ClickHouse, unchanged, against a running server: as reader without a password, and with it.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Outcome, python};
use crate::cargo::{self, Program};
use crate::server::{STOP_DEADLINE, Server, ServerOptions, password_of};
use crate::{child, libchdb, npm, workspace};

/// The project whose single event the clients look for.
const PROJECT: &str = "sql_clients";

/// How long that event may take into ClickHouse.
const EVENT_DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run() -> Result<Outcome> {
    let library = libchdb::ensure_present()?;
    let clients = workspace::root().join("e2e/sql_clients");
    let python = python::with_packages(&clients.join("python/requirements.txt"))?;
    npm::install(&clients.join("javascript"))?;
    let binary = cargo::build(Program::Server, false)?;
    let data_dir = tempfile::tempdir()?;
    let mut options = ServerOptions::on_free_ports(&binary, data_dir.path());
    options.libchdb = library;
    options.log = Some(data_dir.path().join("server.log"));
    let mut server = Server::start(&options)?;
    send_event(&server)?;
    let address = server.addresses().clickhouse.strip_prefix("http://").unwrap_or_default().to_owned();
    let (host, port) = address.rsplit_once(':').context("the address of ClickHouse has no port")?;
    let password = password_of(&data_dir.path().join("clickhouse"))?;
    let environment = [
        ("LOG_CENTER_ENGINE_HOST", host),
        ("LOG_CENTER_ENGINE_PORT", port),
        ("LOG_CENTER_ENGINE_PASSWORD", &password),
        ("LOG_CENTER_TEST_PROJECT", PROJECT),
    ];
    let mut tests = npm::command();
    tests.args(["test", "--silent"]).current_dir(clients.join("javascript"));
    child::run(tests.envs(environment))?;
    if let Some(python) = &python {
        let mut tests = Command::new(python);
        tests.args(["-B", "-W", "ignore", "-m", "unittest"]).current_dir(clients.join("python"));
        child::run(tests.envs(environment))?;
    }
    server.process().stop(STOP_DEADLINE)?;
    if python.is_none() {
        let reason = "those for Node passed, but there is no python3 (3.10 or newer, with venv)";
        // Where nobody reads the summary nothing may be left out.
        ensure!(std::env::var_os("CI").is_none(), reason);
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    Ok(Outcome::Passed)
}

/// Reports an error and waits until everybody can read it.
fn send_event(server: &Server) -> Result<()> {
    let report = serde_json::json!({
        "project_id": PROJECT,
        "environment": "test",
        "level": "ERROR",
        "error": {"type": "ValueError", "message": "m", "file_path": "a.py", "line_number": 1, "stack_trace": ["a.py, line 1"]},
    });
    let addresses = server.addresses();
    let sent = ureq::post(format!("{}/api/v1/logs/report", addresses.api));
    sent.header("Content-Type", "application/json").send(report.to_string())?;
    let statement = format!("SELECT count() FROM log_center.events WHERE project = '{PROJECT}'");
    let until = Instant::now() + EVENT_DEADLINE;
    loop {
        let mut answer = ureq::post(&addresses.clickhouse).send(&statement)?;
        if answer.body_mut().read_to_string()?.trim() == "1" {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the event is not in ClickHouse in time");
        thread::sleep(PAUSE);
    }
}
