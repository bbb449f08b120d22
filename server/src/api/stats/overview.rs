use super::QUARTER_SECONDS;
use crate::api::AppState;
use crate::api::query::{Query, Scope, Window};
use crate::api::step::Step;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{Overview, OverviewFigures, OverviewStep};
use crate::store::value::Time;
use axum::Json;
use axum::extract::State;
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
    operation_id = "get_overview",
    tag = "stats",
    params(Step, Scope, Window),
    responses(
        (status = 200, description = "The figures.", body = OverviewAnswer),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn overview(
    State(state): State<AppState>,
    query: Query<(Step, Scope, Window)>,
) -> Result<Json<OverviewAnswer>, ApiError> {
    let (step, scope, window) = query.parameters;
    let filter = super::filter(&scope, window, QUARTER_SECONDS)?;
    let step_ms = step.within((filter.since, filter.until), QUARTER_SECONDS)?;
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
