use super::{StatsFilter, WHOLE_MS};
use crate::store::value::Time;
use crate::store::{Store, StoreError, limits};
use clickhouse::Row;
use log_center_wire::UnixMillis;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

/// How long requests or calls took. Percentiles are estimated, to about a percent. Those that do not say how long they took
/// are counted, and in no duration; a duration is `null` if none says it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Their mean duration.
    pub mean_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// Half of them took at most so long.
    pub p50_ms: Option<f64>,
    /// 90 percent of them took at most so long.
    pub p90_ms: Option<f64>,
    /// 95 percent of them took at most so long.
    pub p95_ms: Option<f64>,
    /// 99 percent of them took at most so long.
    pub p99_ms: Option<f64>,
}

/// The same of one step of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LatencyStep {
    /// When the step begins.
    pub start: Time,
    /// How long they took.
    #[serde(flatten)]
    pub latency: Latency,
}

/// Requests of one route, or calls of one kind.
#[derive(Debug, Clone)]
pub struct LatencyItem {
    /// The service that answered, or that called.
    pub service: String,
    /// The method, or the called host.
    pub what: String,
    /// The route; empty if calls are not told apart by it.
    pub route: String,
    /// All of them.
    pub latency: Latency,
    /// The same by steps, if these were asked for.
    pub steps: Vec<LatencyStep>,
}

/// Of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyOf {
    /// All requests together.
    Requests,
    /// All calls together.
    Calls,
    /// Requests by service, method and route.
    Routes,
    /// Calls by service and called host.
    Hosts,
    /// Calls by service, called host and called route.
    HostRoutes,
}

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "count")]
pub enum LatencySort {
    /// The most frequent.
    #[default]
    Count,
    /// Those that failed most often.
    Errors,
    /// The slowest by [`Latency::p99_ms`].
    P99,
    /// Those that took the most time together.
    Time,
}

#[derive(Row, Deserialize)]
struct LatencyRow {
    start: i64,
    service: String,
    what: String,
    route: String,
    count: u64,
    errors: u64,
    mean_ms: Option<f64>,
    max_ms: Option<f64>,
    percentiles: Vec<f64>,
}

type Key = (String, String, String);

impl Store {
    /// How long requests or calls took, apart by what they are; `limit` of these at most. With `step_ms` also over time.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn latency(
        &self,
        of: LatencyOf,
        filter: &StatsFilter,
        sort: LatencySort,
        step_ms: Option<i64>,
        limit: u32,
    ) -> Result<Vec<LatencyItem>, StoreError> {
        let rows = self.latency_rows(of, filter, sort.order(), WHOLE_MS, None, limit).await?;
        let mut steps: HashMap<Key, Vec<LatencyStep>> = HashMap::new();
        if let Some(step_ms) = step_ms.filter(|_| !rows.is_empty()) {
            let keys: Vec<Key> = rows.iter().map(LatencyRow::key).collect();
            let of_keys =
                self.latency_rows(of, filter, "start", step_ms, Some(&keys), limits::STATS_ROWS_MAX);
            for row in of_keys.await? {
                steps.entry(row.key()).or_default().push(row.step());
            }
        }
        let item = |row: LatencyRow| {
            let latency = row.latency();
            let steps = steps.remove(&row.key()).unwrap_or_default();
            LatencyItem { service: row.service, what: row.what, route: row.route, latency, steps }
        };
        Ok(rows.into_iter().map(item).collect())
    }

    /// The same of all together, by steps.
    pub(super) async fn latency_steps(
        &self,
        of: LatencyOf,
        filter: &StatsFilter,
        step_ms: i64,
    ) -> Result<Vec<LatencyStep>, StoreError> {
        let rows = self.latency_rows(of, filter, "start", step_ms, None, limits::STATS_ROWS_MAX).await?;
        Ok(rows.iter().map(LatencyRow::step).collect())
    }

    async fn latency_rows(
        &self,
        of: LatencyOf,
        filter: &StatsFilter,
        order: &str,
        step_ms: i64,
        keys: Option<&[Key]>,
        limit: u32,
    ) -> Result<Vec<LatencyRow>, StoreError> {
        let (table, [service, what, route]) = of.columns();
        let text = include_str!("../sql/latency.sql")
            .replace("{table}", table)
            .replace("{service}", service)
            .replace("{what}", what)
            .replace("{route}", route)
            .replace("{order}", order);
        let only = match keys {
            Some(_) => {
                &format!("({service}, {what}, {route}) IN {{keys:Array(Tuple(String, String, String))}}")
            }
            None => "1",
        };
        self.stats("latency", &text, filter, only)
            .param("keys", keys.unwrap_or_default())
            .param("step", step_ms)
            .param("limit", limit)
            .all()
            .await
    }
}

impl LatencyOf {
    const fn columns(self) -> (&'static str, [&'static str; 3]) {
        const REQUESTS: &str = "request_minute_store";
        const CALLS: &str = "call_minute_store";
        match self {
            LatencyOf::Requests => (REQUESTS, ["''", "''", "''"]),
            LatencyOf::Calls => (CALLS, ["''", "''", "''"]),
            LatencyOf::Routes => (REQUESTS, ["s.project", "s.method", "s.route"]),
            LatencyOf::Hosts => (CALLS, ["s.project", "s.host", "''"]),
            LatencyOf::HostRoutes => (CALLS, ["s.project", "s.host", "s.route"]),
        }
    }
}

impl LatencySort {
    const fn order(self) -> &'static str {
        match self {
            LatencySort::Count => "count DESC, service, what, route",
            LatencySort::Errors => "errors DESC, count DESC, service, what, route",
            LatencySort::P99 => "percentiles[4] DESC, service, what, route",
            LatencySort::Time => "sum(s.tm_sum) DESC, service, what, route",
        }
    }
}

impl LatencyRow {
    fn key(&self) -> Key {
        (self.service.clone(), self.what.clone(), self.route.clone())
    }

    fn latency(&self) -> Latency {
        let percentile = |index: usize| self.percentiles.get(index).copied();
        Latency {
            count: self.count,
            errors: self.errors,
            mean_ms: self.mean_ms,
            max_ms: self.max_ms,
            p50_ms: percentile(0),
            p90_ms: percentile(1),
            p95_ms: percentile(2),
            p99_ms: percentile(3),
        }
    }

    fn step(&self) -> LatencyStep {
        LatencyStep { start: Time(UnixMillis(self.start)), latency: self.latency() }
    }
}
