use crate::api::AppState;
use crate::api::query::Query;
use crate::api::step::step_ms;
use crate::error::{ApiError, ErrorBody};
use crate::store::event_count::LevelCount;
use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

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
    let step_ms = step_ms(&query, (filter.since, filter.until), 1)?;
    let items = state.store.event_histogram(&filter, step_ms).await?;
    Ok(Json(Histogram { step_ms, items }))
}
