use super::Search;
use crate::api::AppState;
use crate::api::query::{Query, Scope, Window};
use crate::api::step::Step;
use crate::error::{ApiError, ErrorBody};
use crate::store::event_count::LevelCount;
use axum::Json;
use axum::extract::State;
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
    operation_id = "count_events_over_time",
    tag = "events",
    params(Step, Search, Scope, Window),
    responses(
        (status = 200, description = "The counts.", body = Histogram),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn histogram(
    State(state): State<AppState>,
    query: Query<(Step, Search, Scope, Window)>,
) -> Result<Json<Histogram>, ApiError> {
    let (step, search, scope, window) = query.parameters;
    let filter = search.filter(&state, &scope, window)?;
    let step_ms = step.within((filter.since, filter.until), 1)?;
    let items = state.store.event_histogram(&filter, step_ms).await?;
    Ok(Json(Histogram { step_ms, items }))
}
