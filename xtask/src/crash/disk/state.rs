//! What the server says of itself: whether it is ready, and the figures of `/metrics`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ureq::Agent;

use super::super::client::Address;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a server about itself.
#[derive(Debug)]
pub(super) struct State {
    agent: Agent,
    address: Address,
}

impl State {
    /// Asks the server at `address`.
    pub(super) fn new(address: Address) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_TIMEOUT)).build();
        Self { agent: config.into(), address }
    }

    /// Whether `/health/ready` answers 200.
    pub(super) fn is_ready(&self) -> bool {
        self.get("/health/ready").is_ok()
    }

    /// Entries that wait for ClickHouse.
    pub(super) fn spool_entries(&self) -> Result<u64> {
        self.metric("log_center_spool_entries")
    }

    /// Damaged parts that this server has put aside.
    pub(super) fn parts_put_aside(&self) -> Result<u64> {
        self.metric("log_center_parts_put_aside_total")
    }

    /// A figure of `/metrics`; one that is not there yet is 0.
    fn metric(&self, name: &str) -> Result<u64> {
        let text = self.get("/metrics")?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(Ok(0), |value| value.parse().with_context(|| format!("{name} is {value:?}")))
    }

    fn get(&self, path: &str) -> Result<String> {
        let base = self.address.get().context("the server is down")?;
        let mut answer = self.agent.get(format!("{base}{path}")).call()?;
        ensure!(answer.status() == 200, "{path} answered {}", answer.status());
        Ok(answer.body_mut().read_to_string()?)
    }
}
