use super::MINUTE_SECONDS;
use crate::api::AppState;
use crate::api::query::{Query, refused};
use crate::api::step::step_ms;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{HostItem, HostSort};
use crate::store::value::Time;
use axum::Json;
use axum::extract::{RawQuery, State};
use log_center_wire::UnixMillis;
use serde::Serialize;
use utoipa::ToSchema;

/// What services took of their hosts.
#[derive(Serialize, ToSchema)]
pub(super) struct PerformanceAnswer {
    /// The time that was asked for, widened to minutes.
    since: Time,
    /// Its end, which is not included.
    until: Time,
    /// How long a step is.
    step_ms: i64,
    /// Each service on each of its hosts.
    items: Vec<HostItem>,
}

/// Memory and processor time of hosts over time.
#[utoipa::path(
    get,
    path = "/api/v1/stats/performance",
    tag = "stats",
    params(
        ("service" = Option<String>, Query, description = "Only of this service."),
        ("environment" = Option<String>, Query, description = "Only of this environment."),
        ("since" = Option<String>, Query, description = "From this time (ISO 8601, or an age: `30m`, `24h`, `7d`) on; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Before this time; now, if absent."),
        ("step_seconds" = Option<u32>, Query, minimum = 60, maximum = 86400, description = "How long a step is, a multiple of 60; if absent, a round number that makes some 60 steps."),
        ("sort" = Option<String>, Query, description = "`name` (default), `rss` (highest memory first) or `cpu` (highest mean first)."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Hosts at most, 50 if absent."),
    ),
    responses(
        (status = 200, description = "The hosts.", body = PerformanceAnswer),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn performance(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<PerformanceAnswer>, ApiError> {
    let known = ["service", "project", "environment", "since", "until", "step_seconds", "sort", "limit"];
    let query = Query::parse(query.as_deref(), &known, &[])?;
    let filter = super::filter(&query, MINUTE_SECONDS)?;
    let step_ms = step_ms(&query, (filter.since, filter.until), MINUTE_SECONDS)?;
    let sort = match query.text("sort") {
        None | Some("name") => HostSort::Name,
        Some("rss") => HostSort::Rss,
        Some("cpu") => HostSort::Cpu,
        Some(_) => return Err(refused("sort", "must be name, rss or cpu")),
    };
    let limit = super::limit(&query, &filter, Some(step_ms))?;
    let items = state.store.usage(&filter, sort, step_ms, limit).await?;
    let time = |ms: i64| Time(UnixMillis(ms));
    Ok(Json(PerformanceAnswer { since: time(filter.since), until: time(filter.until), step_ms, items }))
}
