use super::{StatsFilter, WHOLE_MS};
use crate::store::value::Time;
use crate::store::{Store, StoreError, limits};
use clickhouse::Row;
use log_center_wire::UnixMillis;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

/// What programs took of their host. A figure that no sample has is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Usage {
    /// How many samples say so.
    pub samples: u64,
    /// Resident memory in bytes, the mean.
    pub rss_mean: Option<u64>,
    /// Resident memory in bytes, the highest.
    pub rss_max: Option<u64>,
    /// Percent of one core, the mean.
    pub cpu_mean: Option<f64>,
    /// Percent of one core, the highest.
    pub cpu_max: Option<f64>,
}

/// The same of one step of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HostStep {
    /// When the step begins.
    pub start: Time,
    /// What they took.
    #[serde(flatten)]
    pub usage: Usage,
}

/// A service on one of its hosts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HostItem {
    /// The service.
    #[schema(example = "shop")]
    pub service: String,
    /// Where it runs.
    #[schema(example = "production")]
    pub environment: String,
    /// Its host.
    #[schema(example = "shop-1")]
    pub hostname: String,
    /// All of the time.
    #[serde(flatten)]
    pub usage: Usage,
    /// The steps of which there are samples, oldest first.
    pub steps: Vec<HostStep>,
}

/// Which hosts come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "name")]
pub enum HostSort {
    /// By their names.
    #[default]
    Name,
    /// Those with the highest memory.
    Rss,
    /// Those with the highest mean load.
    Cpu,
}

#[derive(Row, Deserialize)]
struct UsageRow {
    start: i64,
    service: String,
    environment: String,
    hostname: String,
    samples: u64,
    rss_mean: Option<u64>,
    rss_max: Option<u64>,
    cpu_mean: Option<f64>,
    cpu_max: Option<f64>,
}

type Key = (String, String, String);

impl Store {
    /// What services took of their hosts over time; of `limit` hosts at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn usage(
        &self,
        filter: &StatsFilter,
        sort: HostSort,
        step_ms: i64,
        limit: u32,
    ) -> Result<Vec<HostItem>, StoreError> {
        let rows = self.usage_rows(filter, sort.order(), WHOLE_MS, None, limit).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = rows.iter().map(UsageRow::key).collect();
        let of_keys = self.usage_rows(filter, "start", step_ms, Some(&keys), limits::STATS_ROWS_MAX);
        let mut steps: HashMap<Key, Vec<HostStep>> = HashMap::new();
        for row in of_keys.await? {
            let step = HostStep { start: Time(UnixMillis(row.start)), usage: row.usage() };
            steps.entry(row.key()).or_default().push(step);
        }
        let item = |row: UsageRow| {
            let (usage, steps) = (row.usage(), steps.remove(&row.key()).unwrap_or_default());
            HostItem {
                service: row.service,
                environment: row.environment,
                hostname: row.hostname,
                usage,
                steps,
            }
        };
        Ok(rows.into_iter().map(item).collect())
    }

    async fn usage_rows(
        &self,
        filter: &StatsFilter,
        order: &str,
        step_ms: i64,
        keys: Option<&[Key]>,
        limit: u32,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let text = include_str!("../sql/performance_steps.sql").replace("{order}", order);
        let only = match keys {
            Some(_) => {
                "(s.project, s.environment, s.hostname) IN {keys:Array(Tuple(String, String, String))}"
            }
            None => "1",
        };
        self.stats("performance_steps", &text, filter, only)
            .param("keys", keys.unwrap_or_default())
            .param("step", step_ms)
            .param("limit", limit)
            .all()
            .await
    }
}

impl HostSort {
    const fn order(self) -> &'static str {
        match self {
            HostSort::Name => "service, environment, hostname",
            HostSort::Rss => "rss_max DESC, service, environment, hostname",
            HostSort::Cpu => "cpu_mean DESC, service, environment, hostname",
        }
    }
}

impl UsageRow {
    fn key(&self) -> Key {
        (self.service.clone(), self.environment.clone(), self.hostname.clone())
    }

    fn usage(&self) -> Usage {
        Usage {
            samples: self.samples,
            rss_mean: self.rss_mean,
            rss_max: self.rss_max,
            cpu_mean: self.cpu_mean,
            cpu_max: self.cpu_max,
        }
    }
}
