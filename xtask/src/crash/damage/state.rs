//! What the server says of itself: in `/health`, in `/metrics`, and in its log when it refuses.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ureq::Agent;

use super::super::client::Address;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks a server about itself.
#[derive(Debug)]
pub(super) struct State {
    agent: Agent,
    address: Address,
    log: PathBuf,
}

/// What a server that refuses to start tells to do.
#[derive(Debug)]
pub(super) struct WayOut {
    pub(super) command: String,
    /// How many events are lost by it, at most. `None`: it does not know.
    pub(super) events: Option<u64>,
}

impl State {
    /// Asks the server at `address`, which logs to `log`.
    pub(super) fn new(address: Address, log: PathBuf) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_TIMEOUT)).build();
        Self { agent: config.into(), address, log }
    }

    pub(super) fn health(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.get("/health")?)?)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.get("/health/ready").is_ok()
    }

    /// Events that wait for ClickHouse.
    pub(super) fn waiting(&self) -> Result<u64> {
        self.health()?["spool"]["waiting_events"].as_u64().context("/health has no waiting_events")
    }

    /// Events that this server has told to be lost since it started.
    pub(super) fn told_lost(&self) -> Result<u64> {
        let text = self.get("/metrics")?;
        let value = text.lines().find_map(|line| line.strip_prefix("log_center_lost_events_total "));
        value.map_or(Ok(0), |value| value.parse().with_context(|| format!("lost events are {value:?}")))
    }

    /// How long the log is.
    pub(super) fn log_length(&self) -> u64 {
        self.log.metadata().map_or(0, |file| file.len())
    }

    /// The log behind its first bytes.
    pub(super) fn log_from(&self, at: u64) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(log.len());
        String::from_utf8_lossy(&log[at..]).into_owned()
    }

    /// The way out that the last line with one in the log names.
    pub(super) fn way_out(&self, at: u64) -> Option<WayOut> {
        let log = self.log_from(at);
        let line = log.lines().rfind(|line| line.contains("start again: "))?;
        let (_, words) = line.split_once("start again: ")?;
        let (command, rest) = words.split_once(" —")?;
        let events = rest.split_once("up to ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        Some(WayOut { command: command.to_owned(), events })
    }

    fn get(&self, path: &str) -> Result<String> {
        let base = self.address.get().context("the server is down")?;
        let mut answer = self.agent.get(format!("{base}{path}")).call()?;
        ensure!(answer.status() == 200, "{path} answered {}", answer.status());
        Ok(answer.body_mut().read_to_string()?)
    }
}
