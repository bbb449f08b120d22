//! Projects: who sends, and how they are.

use super::value::Time;
use super::{Store, StoreError, limits};
use clickhouse::Row;
use futures_util::future::try_join;
use log_center_wire::{IssueStatus, Level, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

/// A project: a service, or whatever else reports.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Project {
    /// Its name.
    #[schema(example = "shop")]
    pub name: String,
    /// Where it was seen in the time that was asked for, 100 at most.
    pub environments: Vec<String>,
    /// The time of its latest event.
    pub last_seen: Time,
    /// Events of the last 24 hours, from the beginning of a quarter of an hour.
    pub events_24h: u64,
    /// Those of them at ERROR and above.
    pub errors_24h: u64,
    /// Issues that wait for work: neither fixed nor impossible to reproduce.
    pub open_issues: u64,
}

/// The states of issues that wait for work.
const OPEN: [IssueStatus; 5] = [
    IssueStatus::New,
    IssueStatus::Verifying,
    IssueStatus::PendingFix,
    IssueStatus::Fixing,
    IssueStatus::FixFailed,
];

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const QUARTER_SECONDS: i64 = 15 * 60;

/// The starts of the buckets in a quarter of an hour, in seconds after its own.
const BUCKETS_SECONDS: [i64; 3] = [0, 300, 600];

/// Which projects to list.
#[derive(Debug, Clone)]
pub struct ProjectFilter {
    /// Only with events from this time on, in milliseconds since 1970; widened to a quarter of an hour.
    pub since: i64,
    /// Only with events before this time, widened likewise.
    pub until: i64,
    /// Only this one.
    pub project: Option<String>,
    /// Only what they have in this environment; issues are counted whatever it is.
    pub environment: Option<String>,
}

#[derive(Row, Deserialize)]
struct Counts {
    name: String,
    environments: Vec<String>,
    quarter: i64,
    events: u64,
    errors: u64,
}

#[derive(Row, Deserialize)]
struct Latest {
    name: String,
    last_seen: Time,
}

#[derive(Row, Deserialize)]
struct Issues {
    name: String,
    issues: u64,
}

impl Store {
    /// The projects that had events in some time, the one seen last first, [`limits::PROJECTS_MAX`] at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn projects(
        &self,
        filter: &ProjectFilter,
        now: UnixMillis,
    ) -> Result<Vec<Project>, StoreError> {
        let quarter_before = |ms: i64| ms.div_euclid(QUARTER_SECONDS * 1000) * QUARTER_SECONDS;
        let quarter_after = |ms: i64| -quarter_before(-ms);
        let counts = self
            .read("project_counts", include_str!("sql/project_counts.sql"))
            .param("since", quarter_before(filter.since))
            .param("until", quarter_after(filter.until))
            .param("project", filter.project.as_deref().unwrap_or_default())
            .param("environment", filter.environment.as_deref().unwrap_or_default())
            // The same quarters as the overview of the last 24 hours has, which is without what clocks that are ahead date after now.
            .param("day", quarter_before(now.0 - DAY_MS))
            .param("day_end", quarter_after(now.0))
            .param("level", Level::Error.number())
            .param("limit", limits::PROJECTS_MAX)
            .all::<Counts>()
            .await?;
        if counts.is_empty() {
            return Ok(Vec::new());
        }
        let (latest, issues) =
            try_join(self.latest_events(&counts, filter), self.open_issues(&counts)).await?;
        let project = |counts: Counts| Project {
            // Counted, but not kept: the end of its quarter comes close.
            last_seen: latest.get(&counts.name).copied().unwrap_or(Time(UnixMillis(counts.quarter * 1000))),
            events_24h: counts.events,
            errors_24h: counts.errors,
            open_issues: issues.get(&counts.name).copied().unwrap_or(0),
            name: counts.name,
            environments: counts.environments,
        };
        let mut projects: Vec<Project> = counts.into_iter().map(project).collect();
        projects.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.name.cmp(&b.name)));
        Ok(projects)
    }

    /// The times of the latest events of projects, which are in the last of their quarters.
    async fn latest_events(
        &self,
        counts: &[Counts],
        filter: &ProjectFilter,
    ) -> Result<HashMap<String, Time>, StoreError> {
        let places = |counts| {
            let Counts { name, quarter, .. }: &Counts = counts;
            BUCKETS_SECONDS.map(|seconds| (quarter + seconds, name.as_str()))
        };
        let places: Vec<(i64, &str)> = counts.iter().flat_map(places).collect();
        let rows: Vec<Latest> = self
            .read("project_latest", include_str!("sql/project_latest.sql"))
            .param("places", places)
            .param("environment", filter.environment.as_deref().unwrap_or_default())
            .param("limit", limits::PROJECTS_MAX)
            .all()
            .await?;
        Ok(rows.into_iter().map(|row| (row.name, row.last_seen)).collect())
    }

    async fn open_issues(&self, counts: &[Counts]) -> Result<HashMap<String, u64>, StoreError> {
        let names: Vec<&str> = counts.iter().map(|counts| counts.name.as_str()).collect();
        let rows: Vec<Issues> = self
            .read("project_issues", include_str!("sql/project_issues.sql"))
            .param("names", names)
            .param("open", OPEN.map(IssueStatus::as_str).as_slice())
            .param("limit", limits::PROJECTS_MAX)
            .all()
            .await?;
        Ok(rows.into_iter().map(|row| (row.name, row.issues)).collect())
    }
}
