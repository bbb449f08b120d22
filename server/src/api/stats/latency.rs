use super::{MINUTE_SECONDS, Most};
use crate::api::AppState;
use crate::api::query::{Query, Scope, Window};
use crate::api::step::Step;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{Latency, LatencyItem, LatencyOf, LatencySort, LatencyStep};
use crate::store::value::Time;
use axum::Json;
use axum::extract::State;
use log_center_wire::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// In which order routes or calls come.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Order {
    /// `time`: what took most of it altogether first.
    #[serde(default)]
    #[param(inline)]
    sort: LatencySort,
}

/// What calls are told apart by.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Calls {
    /// What calls are told apart by, besides the service that makes them: the called `host`, or the `route` of the host, too.
    #[serde(default)]
    #[param(inline)]
    by: By,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(default = "host")]
enum By {
    #[default]
    Host,
    Route,
}

/// The parameters that routes and calls have in common.
type Asked = (Order, Most, Step, Scope, Window);

/// How long something took, apart by what it is.
#[derive(Serialize, ToSchema)]
pub(super) struct LatencyAnswer<T> {
    /// The time that was asked for, widened to minutes.
    since: Time,
    /// Its end, which is not included.
    until: Time,
    /// How long a step is; `null` if none were asked for.
    step_ms: Option<i64>,
    /// What there was.
    items: Vec<T>,
}

/// Requests of one route.
#[derive(Serialize, ToSchema)]
pub(super) struct RouteItem {
    /// The service that answered.
    #[schema(example = "shop")]
    service: String,
    /// HTTP method.
    #[schema(example = "GET")]
    method: String,
    /// Matched path.
    #[schema(example = "/users/{id}")]
    route: String,
    #[serde(flatten)]
    latency: Latency,
    /// The same by steps, those in which there were any, if `step_seconds` was given.
    steps: Vec<LatencyStep>,
}

/// Calls of another service.
#[derive(Serialize, ToSchema)]
pub(super) struct CallItem {
    /// The service that called.
    #[schema(example = "shop")]
    service: String,
    /// The called host.
    #[schema(example = "pay:8080")]
    host: String,
    /// The called path with numbers and ids replaced by `{id}`; empty unless `by=route`.
    route: String,
    #[serde(flatten)]
    latency: Latency,
    /// The same by steps, those in which there were any, if `step_seconds` was given.
    steps: Vec<LatencyStep>,
}

/// Latency percentiles of routes.
#[utoipa::path(
    get,
    path = "/api/v1/stats/routes",
    operation_id = "list_routes",
    tag = "stats",
    params(Order, Most, Step, Scope, Window),
    responses(
        (status = 200, description = "The routes.", body = LatencyAnswer<RouteItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn routes(
    State(state): State<AppState>,
    query: Query<Asked>,
) -> Result<Json<LatencyAnswer<RouteItem>>, ApiError> {
    let item = |item: LatencyItem| RouteItem {
        service: item.service,
        method: item.what,
        route: item.route,
        latency: item.latency,
        steps: item.steps,
    };
    answer(&state, query.parameters, LatencyOf::Routes, item).await.map(Json)
}

/// Latency percentiles of calls.
#[utoipa::path(
    get,
    path = "/api/v1/stats/calls",
    operation_id = "list_calls",
    tag = "stats",
    params(Calls, Order, Most, Step, Scope, Window),
    responses(
        (status = 200, description = "The calls.", body = LatencyAnswer<CallItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn calls(
    State(state): State<AppState>,
    query: Query<(Calls, Order, Most, Step, Scope, Window)>,
) -> Result<Json<LatencyAnswer<CallItem>>, ApiError> {
    let (calls, order, most, step, scope, window) = query.parameters;
    let of = match calls.by {
        By::Host => LatencyOf::Hosts,
        By::Route => LatencyOf::HostRoutes,
    };
    let item = |item: LatencyItem| CallItem {
        service: item.service,
        host: item.what,
        route: item.route,
        latency: item.latency,
        steps: item.steps,
    };
    answer(&state, (order, most, step, scope, window), of, item).await.map(Json)
}

async fn answer<T>(
    state: &AppState,
    (order, most, step, scope, window): Asked,
    of: LatencyOf,
    item: impl FnMut(LatencyItem) -> T,
) -> Result<LatencyAnswer<T>, ApiError> {
    let filter = super::filter(&scope, window, MINUTE_SECONDS)?;
    let bounds = (filter.since, filter.until);
    let step_ms = if step.is_given() { Some(step.within(bounds, MINUTE_SECONDS)?) } else { None };
    let limit = most.limit(&filter, step_ms)?;
    let items = state.store.latency(of, &filter, order.sort, step_ms, limit).await?;
    let time = |ms: i64| Time(UnixMillis(ms));
    Ok(LatencyAnswer {
        since: time(filter.since),
        until: time(filter.until),
        step_ms,
        items: items.into_iter().map(item).collect(),
    })
}
