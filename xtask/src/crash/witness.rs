//! What ClickHouse says, by plain SQL over its HTTP interface: the way that an analyst would ask.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ureq::Agent;

use super::ledger::{Seen, SeenEvents};

/// How long a query may take; an engine that was just killed answers none.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Most bytes of an answer: the events of a run of many hours.
const ANSWER_BYTES_AT_MOST: u64 = 1 << 30;

/// A connection to ClickHouse.
#[derive(Debug)]
pub(super) struct Witness {
    agent: Agent,
    base: String,
}

impl Witness {
    /// Asks the ClickHouse at `base`.
    pub(super) fn new(base: &str) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(QUERY_TIMEOUT)).build();
        Self { agent: config.into(), base: base.trim_end_matches('/').to_owned() }
    }

    /// Whether it answers.
    pub(super) fn is_up(&self) -> bool {
        self.agent.get(format!("{}/ping", self.base)).call().is_ok_and(|answer| answer.status() == 200)
    }

    /// All counts in all issues.
    pub(super) fn total(&self) -> Result<u64> {
        let rows = self.rows("SELECT toString(sum(count)) FROM log_center.issues")?;
        let total = rows.first().and_then(|row| row.first()).context("no sum")?;
        total.parse().with_context(|| format!("the sum of counts is {total:?}"))
    }

    /// The counts of every issue in both views.
    pub(super) fn issues(&self) -> Result<Seen> {
        Ok(Seen {
            issues: self.counts("SELECT fingerprint, count FROM log_center.issues")?,
            events: self.counts("SELECT fingerprint, count() FROM log_center.events GROUP BY fingerprint")?,
        })
    }

    /// The events whose id starts with `prefix`.
    pub(super) fn events(&self, prefix: &str) -> Result<SeenEvents> {
        // The prefix is one of our own, letters and digits: it needs no binding.
        let sql = format!(
            "SELECT req_id, count(), any(fingerprint) FROM log_center.events \
             WHERE startsWith(req_id, '{prefix}') GROUP BY req_id"
        );
        let event = |row: Vec<String>| match <[String; 3]>::try_from(row) {
            Ok([id, rows, fingerprint]) => Ok((id, (rows.parse()?, fingerprint))),
            Err(row) => Err(anyhow!("a row of other columns: {row:?}")),
        };
        self.rows(&sql)?.into_iter().map(event).collect()
    }

    fn counts(&self, sql: &str) -> Result<HashMap<String, u64>> {
        let mut counts = HashMap::new();
        for row in self.rows(sql)? {
            let [key, count] =
                <[String; 2]>::try_from(row).map_err(|row| anyhow!("a row of other columns: {row:?}"))?;
            if counts.insert(key, count.parse()?).is_some() {
                bail!("an issue has two rows: {sql}");
            }
        }
        Ok(counts)
    }

    fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let sql = format!("{sql} FORMAT TabSeparated");
        let mut answer = self.agent.post(&self.base).send(&sql)?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_AT_MOST).read_to_string()?;
        if answer.status() != 200 {
            bail!("ClickHouse answered {} to {sql}: {}", answer.status(), text.trim());
        }
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}
