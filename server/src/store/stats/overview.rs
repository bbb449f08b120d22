use super::{Latency, LatencyOf, LatencyStep, StatsFilter, WHOLE_MS};
use crate::store::value::Time;
use crate::store::{Store, StoreError, limits};
use clickhouse::Row;
use futures_util::future::try_join3;
use log_center_wire::{Level, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What happened in some time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct OverviewFigures {
    /// Events.
    pub events: u64,
    /// Events at ERROR and above.
    pub errors: u64,
    /// Answered requests, each service that handled one by itself; `null` if there were none.
    pub requests: Option<Latency>,
    /// Ended calls of other services; `null` if there were none.
    pub calls: Option<Latency>,
}

/// The same of one step of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OverviewStep {
    /// When the step begins.
    pub start: Time,
    /// What happened.
    #[serde(flatten)]
    pub figures: OverviewFigures,
}

/// All of a time, and its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// All of it.
    pub total: OverviewFigures,
    /// The steps in which anything happened, oldest first.
    pub steps: Vec<OverviewStep>,
}

#[derive(Row, Deserialize)]
struct EventStep {
    start: i64,
    events: u64,
    errors: u64,
}

impl Store {
    /// Events, requests and calls by steps, and altogether. Times and steps are quarters of an hour.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn overview(&self, filter: &StatsFilter, step_ms: i64) -> Result<Overview, StoreError> {
        let steps = self.overview_steps(filter, step_ms).await?;
        let whole = self.overview_steps(filter, WHOLE_MS).await?;
        let total = whole.into_iter().next().map(|step| step.figures).unwrap_or_default();
        Ok(Overview { total, steps })
    }

    async fn overview_steps(
        &self,
        filter: &StatsFilter,
        step_ms: i64,
    ) -> Result<Vec<OverviewStep>, StoreError> {
        let events = self
            .stats("event_steps", include_str!("../sql/event_steps.sql"), filter, "1")
            .param("step", step_ms)
            .param("level", Level::Error.number())
            .param("limit", limits::STATS_ROWS_MAX)
            .all::<EventStep>();
        let requests = self.latency_steps(LatencyOf::Requests, filter, step_ms);
        let calls = self.latency_steps(LatencyOf::Calls, filter, step_ms);
        let (events, requests, calls) = try_join3(events, requests, calls).await?;
        let mut steps: BTreeMap<i64, OverviewFigures> = BTreeMap::new();
        for step in events {
            let figures = steps.entry(step.start).or_default();
            (figures.events, figures.errors) = (step.events, step.errors);
        }
        let by_start = |step: LatencyStep| (step.start.0.0, step.latency);
        for (start, latency) in requests.into_iter().map(by_start) {
            steps.entry(start).or_default().requests = Some(latency);
        }
        for (start, latency) in calls.into_iter().map(by_start) {
            steps.entry(start).or_default().calls = Some(latency);
        }
        let step = |(start, figures)| OverviewStep { start: Time(UnixMillis(start)), figures };
        Ok(steps.into_iter().map(step).collect())
    }
}
