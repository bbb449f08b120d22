use crate::api::AppState;
use crate::api::query::{Query, refused};
use crate::error::{ApiError, ErrorBody};
use crate::store::event::EventFilter;
use crate::store::event_count::LevelCount;
use crate::store::limits::{HISTOGRAM_STEPS, HISTOGRAM_STEPS_MAX};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

/// Round steps, in seconds.
const STEPS_SECONDS: [i64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 43_200, 86_400];

/// How many events of each level there are over time.
#[derive(Serialize, ToSchema)]
pub(super) struct Histogram {
    /// How long a step is.
    step_ms: i64,
    /// The steps in which there are any, oldest first.
    items: Vec<LevelCount>,
}

/// Count events over time, by level.
#[utoipa::path(
    get,
    path = "/api/v1/events/histogram",
    tag = "events",
    params(
        ("step_seconds" = Option<u32>, Query, minimum = 1, maximum = 86400, description = "How long a step is; if absent, a round number that makes some 60 steps. At most 3000 steps."),
        ("q" = Option<String>, Query, description = "Among the events of this search."),
        ("since" = Option<String>, Query, description = "As for the search."),
        ("until" = Option<String>, Query, description = "As for the search."),
    ),
    responses(
        (status = 200, description = "The counts.", body = Histogram),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn histogram(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Histogram>, ApiError> {
    let query = Query::parse(query.as_deref(), &["step_seconds", "q", "since", "until"], &[])?;
    let filter = super::filter(&state, &query)?;
    let step_ms = step(&query, &filter)? * 1000;
    let items = state.store.event_histogram(&filter, step_ms).await?;
    Ok(Json(Histogram { step_ms, items }))
}

/// Seconds in a step.
fn step(query: &Query, filter: &EventFilter) -> Result<i64, ApiError> {
    let seconds = (filter.until - filter.since).max(0) / 1000;
    let round = STEPS_SECONDS.into_iter().find(|step| seconds / step <= HISTOGRAM_STEPS);
    // Of more than two months, the days that there are.
    let default = round.unwrap_or_else(|| (seconds / HISTOGRAM_STEPS_MAX).max(86_400));
    let step = match query.text("step_seconds") {
        None => default,
        Some(_) => query.number("step_seconds", 1, 86_400)?.into(),
    };
    if seconds / step > HISTOGRAM_STEPS_MAX {
        let least = seconds / HISTOGRAM_STEPS_MAX + 1;
        return Err(refused("step_seconds", format!("must be at least {least} for so long a time")));
    }
    Ok(step)
}
