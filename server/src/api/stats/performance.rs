use super::{MINUTE_SECONDS, Most};
use crate::api::AppState;
use crate::api::query::{Query, Scope, Window};
use crate::api::step::Step;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{HostItem, HostSort};
use crate::store::value::Time;
use axum::Json;
use axum::extract::State;
use log_center_wire::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// In which order the hosts come.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Hosts {
    /// `rss`: highest memory first; `cpu`: highest mean first.
    #[serde(default)]
    #[param(inline)]
    sort: HostSort,
}

/// Memory and processor time of hosts over time.
#[utoipa::path(
    get,
    path = "/api/v1/stats/performance",
    operation_id = "get_performance",
    tag = "stats",
    params(Hosts, Most, Step, Scope, Window),
    responses(
        (status = 200, description = "The hosts.", body = PerformanceAnswer),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn performance(
    State(state): State<AppState>,
    query: Query<(Hosts, Most, Step, Scope, Window)>,
) -> Result<Json<PerformanceAnswer>, ApiError> {
    let (hosts, most, step, scope, window) = query.parameters;
    let filter = super::filter(&scope, window, MINUTE_SECONDS)?;
    let step_ms = step.within((filter.since, filter.until), MINUTE_SECONDS)?;
    let limit = most.limit(&filter, Some(step_ms))?;
    let items = state.store.usage(&filter, hosts.sort, step_ms, limit).await?;
    let time = |ms: i64| Time(UnixMillis(ms));
    Ok(Json(PerformanceAnswer { since: time(filter.since), until: time(filter.until), step_ms, items }))
}
