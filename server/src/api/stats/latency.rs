use super::MINUTE_SECONDS;
use crate::api::AppState;
use crate::api::query::{Query, refused};
use crate::api::step::step_ms;
use crate::error::{ApiError, ErrorBody};
use crate::store::stats::{Latency, LatencyItem, LatencyOf, LatencySort, LatencyStep};
use crate::store::value::Time;
use axum::Json;
use axum::extract::{RawQuery, State};
use log_center_wire::UnixMillis;
use serde::Serialize;
use utoipa::ToSchema;

const PARAMETERS: [&str; 8] =
    ["service", "project", "environment", "since", "until", "step_seconds", "sort", "limit"];

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
    tag = "stats",
    params(
        ("service" = Option<String>, Query, description = "Only of this service."),
        ("environment" = Option<String>, Query, description = "Only of this environment."),
        ("since" = Option<String>, Query, description = "From this time (ISO 8601, or an age: `30m`, `24h`, `7d`) on; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Before this time; now, if absent."),
        ("step_seconds" = Option<u32>, Query, minimum = 60, maximum = 86400, description = "Also in steps so long, a multiple of 60."),
        ("sort" = Option<String>, Query, description = "`count` (default), `errors`, `p99`, or `time`: what took most of it altogether."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Routes at most, 50 if absent."),
    ),
    responses(
        (status = 200, description = "The routes.", body = LatencyAnswer<RouteItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn routes(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<LatencyAnswer<RouteItem>>, ApiError> {
    let query = Query::parse(query.as_deref(), &PARAMETERS, &[])?;
    let item = |item: LatencyItem| RouteItem {
        service: item.service,
        method: item.what,
        route: item.route,
        latency: item.latency,
        steps: item.steps,
    };
    answer(&state, &query, LatencyOf::Routes, item).await.map(Json)
}

/// Latency percentiles of calls.
#[utoipa::path(
    get,
    path = "/api/v1/stats/calls",
    tag = "stats",
    params(
        ("service" = Option<String>, Query, description = "Only made by this service."),
        ("environment" = Option<String>, Query, description = "Only of this environment."),
        ("by" = Option<String>, Query, description = "What calls are told apart by, besides the service that makes them: `host` (default), or `route` of the host."),
        ("since" = Option<String>, Query, description = "From this time (ISO 8601, or an age: `30m`, `24h`, `7d`) on; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Before this time; now, if absent."),
        ("step_seconds" = Option<u32>, Query, minimum = 60, maximum = 86400, description = "Also in steps so long, a multiple of 60."),
        ("sort" = Option<String>, Query, description = "`count` (default), `errors`, `p99`, or `time`: what took most of it altogether."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items at most, 50 if absent."),
    ),
    responses(
        (status = 200, description = "The calls.", body = LatencyAnswer<CallItem>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn calls(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<LatencyAnswer<CallItem>>, ApiError> {
    let query = Query::parse(query.as_deref(), &[&PARAMETERS[..], &["by"]].concat(), &[])?;
    let of = match query.text("by") {
        None | Some("host") => LatencyOf::Hosts,
        Some("route") => LatencyOf::HostRoutes,
        Some(_) => return Err(refused("by", "must be host or route")),
    };
    let item = |item: LatencyItem| CallItem {
        service: item.service,
        host: item.what,
        route: item.route,
        latency: item.latency,
        steps: item.steps,
    };
    answer(&state, &query, of, item).await.map(Json)
}

async fn answer<T>(
    state: &AppState,
    query: &Query,
    of: LatencyOf,
    item: impl FnMut(LatencyItem) -> T,
) -> Result<LatencyAnswer<T>, ApiError> {
    let filter = super::filter(query, MINUTE_SECONDS)?;
    let is_stepped = query.text("step_seconds").is_some();
    let window = (filter.since, filter.until);
    let step_ms = if is_stepped { Some(step_ms(query, window, MINUTE_SECONDS)?) } else { None };
    let sort = match query.text("sort") {
        None | Some("count") => LatencySort::Count,
        Some("errors") => LatencySort::Errors,
        Some("p99") => LatencySort::P99,
        Some("time") => LatencySort::Time,
        Some(_) => return Err(refused("sort", "must be count, errors, p99 or time")),
    };
    let limit = super::limit(query, &filter, step_ms)?;
    let items = state.store.latency(of, &filter, sort, step_ms, limit).await?;
    let time = |ms: i64| Time(UnixMillis(ms));
    Ok(LatencyAnswer {
        since: time(filter.since),
        until: time(filter.until),
        step_ms,
        items: items.into_iter().map(item).collect(),
    })
}
