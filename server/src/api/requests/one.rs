use crate::api::AppState;
use crate::api::query::{Count, Query, refused};
use crate::error::{ApiError, ErrorBody};
use crate::store::limits;
use crate::store::record::Record;
use crate::store::request::{RequestTime, Window};
use crate::store::value::Time;
use crate::trace::{Hop, Trace};
use crate::writer::Until;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use log_center_wire::RequestId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long a request that ClickHouse does not know, or not to its end, is waited for if something is on its way there.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(2);

/// One request: everything that was written about it, and the tree of its hops.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestAnswer {
    req_id: String,
    /// When its first hop began, or its first record was written.
    started_at: Time,
    /// From there to the last end.
    duration_ms: f64,
    /// There are hops, and each of them has an end.
    complete: bool,
    /// There are more records than `limit`, or hops nested too deep to be shown where they belong.
    truncated: bool,
    /// Records of level ERROR and above.
    error_count: usize,
    /// Who took part, by name.
    services: Vec<String>,
    /// The issues that its errors are occurrences of.
    issues: Vec<u64>,
    /// The outermost hops; the others are their `children`, in the order of their start.
    #[schema(value_type = Vec<HopTree>)]
    hops: Box<RawValue>,
    /// All records in the order of time, those of one millisecond in the order in which they arrived.
    events: Vec<Record>,
}

/// A hop with the hops inside of it.
#[derive(Serialize, ToSchema)]
struct HopTree {
    #[serde(flatten)]
    hop: Hop,
    #[schema(no_recursion)]
    children: Vec<HopTree>,
}

/// The request that a path names.
pub(super) struct Id(RequestId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let text = path.map(|Path(text)| text).unwrap_or_default();
        RequestId::new(&text).map(Id).map_err(|error| refused("req_id", error.to_string()))
    }
}

/// How much of the request is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Records {
    /// Records at most, the first ones.
    #[serde(default)]
    #[param(inline)]
    limit: RecordsMost,
}

type RecordsMost = Count<{ limits::REQUEST_RECORDS }, { limits::REQUEST_RECORDS_MAX }>;

/// Show a request.
///
/// Every record with this `req_id`, of every service that took part, and the tree of hops that they make: by `span_id` and
/// `parent_id`, or by the pairs of begin and end and their times where programs have no such ids.
#[utoipa::path(
    get,
    path = "/api/v1/requests/{req_id}",
    operation_id = "get_request",
    tag = "requests",
    params(
        ("req_id" = String, Path, description = "The request."),
        Records,
    ),
    responses(
        (status = 200, description = "The request.", body = RequestAnswer),
        (status = 404, description = "No record has this id.", body = ErrorBody),
        (status = 422, description = "`req_id` or a parameter is wrong; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn one(
    State(state): State<AppState>,
    Id(id): Id,
    query: Query<(Records,)>,
) -> Result<Json<RequestAnswer>, ApiError> {
    let (Records { limit: Count(limit) },) = query.parameters;
    let end = *state.spool.end().borrow();
    let is_behind = Until::behind(&state.progress, end).next().is_some();
    let mut records = find(&state, &id, limit + 1).await?;
    if !is_whole(&records) && is_behind {
        // A request may have records in both lanes, and its end alone looks whole. What is fresh has come when the time is
        // over, also if much that is late has not.
        _ = state.progress.wait_for(Until::All, end, ARRIVAL_TIMEOUT).await;
        records = find(&state, &id, limit + 1).await?;
    }
    // A hundred thousand records take longer than a thread of the runtime should be held.
    let answer = tokio::task::spawn_blocking(move || answer(&id, records, limit as usize)).await;
    answer.unwrap_or_else(|panic| Err(ApiError::Internal(panic.to_string()))).map(Json)
}

fn is_whole(records: &[Record]) -> bool {
    Trace::new(records).is_some_and(|trace| trace.complete)
}

/// Read no more than has to be: a few minutes where the times are known, else about the time that the id tells, and the
/// whole store only if nothing is there.
async fn find(state: &AppState, id: &RequestId, limit: u32) -> Result<Vec<Record>, ApiError> {
    let made_at = match state.store.request_time(id).await? {
        RequestTime::Seen(window) => return Ok(state.store.request(id, window, limit).await?),
        RequestTime::Unknown => return Ok(state.store.request(id, Window::ALWAYS, limit).await?),
        RequestTime::Made(at) => at,
    };
    let after = |ms: i64| Window::between(made_at - limits::REQUEST_BEFORE_ID_MS, made_at + ms);
    let records = state.store.request(id, after(limits::REQUEST_AFTER_ID_MS), limit).await?;
    if is_whole(&records) || records.len() == limit as usize {
        return Ok(records);
    }
    let wider = if records.is_empty() { Window::ALWAYS } else { after(limits::REQUEST_LONG_MS) };
    Ok(state.store.request(id, wider, limit).await?)
}

fn answer(id: &RequestId, mut records: Vec<Record>, limit: usize) -> Result<RequestAnswer, ApiError> {
    let more = records.len() > limit;
    records.truncate(limit);
    let trace =
        Trace::new(&records).ok_or_else(|| ApiError::NotFound(format!("no record has the req_id {id}")))?;
    let hops = trace.hops_json().map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(RequestAnswer {
        req_id: id.to_string(),
        started_at: trace.started_at,
        duration_ms: trace.duration_ms,
        complete: trace.complete && !more,
        truncated: more || trace.flattened,
        error_count: trace.error_count,
        services: trace.services,
        issues: trace.issues,
        hops,
        events: records,
    })
}
