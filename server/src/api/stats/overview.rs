use super::QUARTER_SECONDS;
use crate::api::AppState;
use crate::api::query::Query;
use crate::api::step::step_ms;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{Overview, OverviewFigures, OverviewStep};
use crate::store::value::Time;
use axum::Json;
use axum::extract::{RawQuery, State};
use log_center_wire::UnixMillis;
use serde::Serialize;
use utoipa::ToSchema;

/// What happened, altogether and over time.
#[derive(Serialize, ToSchema)]
pub(super) struct OverviewAnswer {
    /// The time that was asked for, widened to quarters of an hour.
    since: Time,
    /// Its end, which is not included.
    until: Time,
    /// How long a step is.
    step_ms: i64,
    /// All of it.
    total: OverviewFigures,
    /// The steps in which anything happened, oldest first.
    items: Vec<OverviewStep>,
}

/// Events, requests and calls over time.
#[utoipa::path(
    get,
    path = "/api/v1/stats/overview",
    tag = "stats",
    params(
        ("service" = Option<String>, Query, description = "Only of this service."),
        ("environment" = Option<String>, Query, description = "Only of this environment."),
        ("since" = Option<String>, Query, description = "From this time (ISO 8601, or an age: `30m`, `24h`, `7d`) on; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Before this time; now, if absent."),
        ("step_seconds" = Option<u32>, Query, minimum = 900, maximum = 86400, description = "How long a step is, a multiple of 900; if absent, a round number that makes some 60 steps."),
    ),
    responses(
        (status = 200, description = "The figures.", body = OverviewAnswer),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn overview(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<OverviewAnswer>, ApiError> {
    let known = ["service", "project", "environment", "since", "until", "step_seconds"];
    let query = Query::parse(query.as_deref(), &known, &[])?;
    let filter = super::filter(&query, QUARTER_SECONDS)?;
    let step_ms = step_ms(&query, (filter.since, filter.until), QUARTER_SECONDS)?;
    let Overview { total, steps } = state.store.overview(&filter, step_ms).await?;
    let time = |ms: i64| Time(UnixMillis(ms));
    Ok(Json(OverviewAnswer {
        since: time(filter.since),
        until: time(filter.until),
        step_ms,
        total,
        items: steps,
    }))
}
