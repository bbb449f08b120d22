//! What ClickHouse says, by plain SQL over its HTTP interface: the way that an analyst would ask. And whether the server says
//! that something waits for ClickHouse.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ureq::Agent;

use super::findings::Findings;
use super::ledger::{Seen, SeenEvents};
use super::payload::Id;
use super::sums::{SUMS, Sum};

/// How long a query may take; an engine that was just killed answers none.
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of an answer: the events of a run of many hours.
const ANSWER_BYTES_AT_MOST: u64 = 1 << 30;

/// Most bytes of the server's figures.
const METRICS_BYTES_AT_MOST: u64 = 1 << 20;

/// How much memory a question may take for its groups before it goes on on disk, in bytes.
const GROUP_BYTES_IN_MEMORY: u64 = 256 << 20;

/// A connection to ClickHouse.
#[derive(Debug)]
pub(super) struct Witness {
    agent: Agent,
    base: String,
    /// A reader may not choose how much memory its questions take.
    password: String,
    /// Of the server's own interface.
    api: Option<String>,
}

impl Witness {
    /// Asks the ClickHouse at `base`, as who may write.
    pub(super) fn new(base: &str, password: String) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(QUERY_TIMEOUT)).build();
        Self { agent: config.into(), base: base.trim_end_matches('/').to_owned(), password, api: None }
    }

    /// The same, with the server whose interface is at `api`.
    pub(super) fn beside_server(self, api: &str) -> Self {
        Self { api: Some(api.trim_end_matches('/').to_owned()), ..self }
    }

    /// Whether the server does not say that its spool is empty. To ask it costs neither it nor ClickHouse anything.
    pub(super) fn is_spool_waiting(&self) -> bool {
        let Some(api) = &self.api else { return false };
        let metrics = || -> Result<String> {
            let mut answer = self.agent.get(format!("{api}/metrics")).call()?;
            Ok(answer.body_mut().with_config().limit(METRICS_BYTES_AT_MOST).read_to_string()?)
        };
        !metrics().is_ok_and(|metrics| metrics.lines().any(|line| line == "log_center_spool_events 0"))
    }

    /// Whether it answers.
    pub(super) fn is_up(&self) -> bool {
        self.agent.get(format!("{}/ping", self.base)).call().is_ok_and(|answer| answer.status() == 200)
    }

    /// How many events there are, once all tables of sums have got as far as the table of events; 0 before. Cheap: it
    /// compares totals only.
    pub(super) fn total(&self) -> Result<u64> {
        let sql = "WITH (SELECT (count(), countIf(issue_id != 0), countIf(event = 'client-res'), \
                   countIf(event IN ('service-end', 'service-err')), countIf(scope = 'stat')) \
                   FROM log_center.event_store WHERE project != 'crash_expired') AS events \
                   SELECT toString(if((SELECT sum(count) FROM log_center.event_count_store WHERE project != 'crash_expired') = events.1 \
                   AND (SELECT sum(count) FROM log_center.issue_store) = events.2 \
                   AND (SELECT sum(count) FROM log_center.issue_hour_store) = events.2 \
                   AND (SELECT sum(count) FROM log_center.request_minute_store) = events.3 \
                   AND (SELECT sum(count) FROM log_center.call_minute_store) = events.4 \
                   AND (SELECT sum(count) FROM log_center.performance_minute_store) = events.5, events.1, 0))";
        let rows = self.rows(sql)?;
        let total = rows.first().and_then(|row| row.first()).context("no sum")?;
        total.parse().with_context(|| format!("the number of events is {total:?}"))
    }

    /// How many events of a service were added up.
    pub(super) fn counted(&self, service: &str) -> Result<u64> {
        let sql = format!(
            "SELECT toString(sum(count)) FROM log_center.event_count_store WHERE project = '{service}'"
        );
        let rows = self.rows(&sql)?;
        let count = rows.first().and_then(|row| row.first()).context("no sum")?;
        count.parse().with_context(|| format!("the sum is {count:?}"))
    }

    /// The counts of every issue in both views.
    pub(super) fn issues(&self) -> Result<Seen> {
        Ok(Seen {
            issues: self.counts("SELECT fingerprint, count FROM log_center.issues")?,
            events: self.counts(
                "SELECT fingerprint, count() FROM log_center.events WHERE issue_id != 0 GROUP BY fingerprint",
            )?,
        })
    }

    /// The events of a round.
    pub(super) fn events(&self, round: u32) -> Result<SeenEvents> {
        // Of our own making, letters and digits: it needs no binding.
        let prefix = Id::prefix_of_round(round);
        let sql = format!(
            "SELECT if(source = 'report', req_id, extract(extra, 'number=([^ ]+)')) AS id, count(), any(fingerprint) \
             FROM log_center.events WHERE startsWith(id, '{prefix}') GROUP BY id"
        );
        let event = |row: Vec<String>| match <[String; 3]>::try_from(row) {
            Ok([id, rows, fingerprint]) => {
                let id = Id::parse(&id).with_context(|| format!("an event that is none of ours: {id}"))?;
                Ok((id, (rows.parse()?, fingerprint)))
            }
            Err(row) => Err(anyhow!("a row of other columns: {row:?}")),
        };
        self.rows(&sql)?.into_iter().map(event).collect()
    }

    /// Reads every column of every event, so that a file that was not written as a whole shows.
    pub(super) fn read_every_column(&self) -> Result<()> {
        self.rows("SELECT toString(count()) FROM log_center.event_store WHERE NOT ignore(*)").map(drop)
    }

    /// Tables of sums in which there is nothing.
    pub(super) fn empty_tables(&self) -> Result<Vec<String>> {
        let mut empty = Vec::new();
        for Sum { table, .. } in &SUMS {
            let rows = self.rows(&format!("SELECT toString(count()) FROM log_center.{table}"))?;
            if rows.first().and_then(|row| row.first()).is_none_or(|count| count == "0") {
                empty.push(format!("{table} is empty"));
            }
        }
        Ok(empty)
    }

    /// Compares a table of sums with the events themselves.
    pub(super) fn compare(&self, sum: &Sum) -> Result<Findings> {
        let mut findings = Findings::default();
        for row in self.rows(&sum.differences())? {
            let [key, difference] =
                <[String; 2]>::try_from(row).map_err(|row| anyhow!("a row of other columns: {row:?}"))?;
            let difference: i64 = difference.parse()?;
            let what = || format!("{key} is {difference:+} off");
            if !sum.is_count {
                findings.differ(1, sum.table, what);
            } else if difference < 0 {
                findings.lose(difference.unsigned_abs(), sum.table, what);
            } else {
                findings.double(difference.unsigned_abs(), sum.table, what);
            }
        }
        Ok(findings)
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
        // The ids of a long run do not all fit into the engine's memory.
        let settings = format!("max_bytes_before_external_group_by = {GROUP_BYTES_IN_MEMORY}");
        let sql = format!("{sql} SETTINGS {settings} FORMAT TabSeparated");
        let mut answer = self.agent.post(&self.base).header("X-ClickHouse-Key", &self.password).send(&sql)?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_AT_MOST).read_to_string()?;
        if answer.status() != 200 {
            bail!("ClickHouse answered {} to {sql}: {}", answer.status(), text.trim());
        }
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}
