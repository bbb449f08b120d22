use crate::api::AppState;
use crate::api::query::{Count, Query, refused};
use crate::error::{ApiError, ErrorBody};
use crate::event::Record;
use crate::store::limits;
use crate::store::request::{RequestSums, RequestTime, Window};
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
    /// How many records there are, those included that are more than `limit`. What is said of the request is said of all of
    /// them: only `events` ends with `limit`.
    record_count: u64,
    /// Records of level ERROR and above.
    error_count: u64,
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
    let mut found = find(&state, &id, limit).await?;
    if !found.is_whole() && is_behind {
        // A request may have records in both lanes, and its end alone looks whole. What is fresh has come when the time is
        // over, also if much that is late has not.
        _ = state.progress.wait_for(Until::All, end, ARRIVAL_TIMEOUT).await;
        found = find(&state, &id, limit).await?;
    }
    // A hundred thousand records take longer than a thread of the runtime should be held.
    let answer = tokio::task::spawn_blocking(move || answer(&id, found)).await;
    answer.unwrap_or_else(|panic| Err(ApiError::Internal(panic.to_string()))).map(Json)
}

/// What was found of a request.
struct Found {
    /// Its first records.
    records: Vec<Record>,
    /// What there is besides, if these are not all.
    beyond: Option<Beyond>,
}

/// What is said of a request of which not all records are shown.
struct Beyond {
    /// The records behind the shown ones that begin or end a hop.
    hops: Vec<Record>,
    /// There are more of these, too.
    is_cut: bool,
    sums: RequestSums,
}

impl Found {
    /// The tree, of all hops: one that ends behind the shown records is not unfinished.
    fn trace(&self) -> Option<Trace> {
        match &self.beyond {
            None => Trace::new(&self.records),
            Some(Beyond { hops, .. }) => Trace::new(&[self.records.as_slice(), hops].concat()),
        }
    }

    fn is_whole(&self) -> bool {
        let is_cut = self.beyond.as_ref().is_some_and(|beyond| beyond.is_cut);
        !is_cut && self.trace().is_some_and(|trace| trace.complete)
    }
}

/// The first `limit` records, and what is beyond them.
async fn find(state: &AppState, id: &RequestId, limit: u32) -> Result<Found, ApiError> {
    let (mut records, window) = first(state, id, limit + 1).await?;
    if records.len() <= limit as usize {
        return Ok(Found { records, beyond: None });
    }
    records.truncate(limit as usize);
    let hops = state.store.request_hops(id, window, limits::REQUEST_RECORDS_MAX);
    let (mut hops, sums) = tokio::try_join!(hops, state.store.request_sums(id, window))?;
    let is_cut = hops.len() == limits::REQUEST_RECORDS_MAX as usize;
    // Both stand in the same order, so the first ones are among those that are shown.
    let shown = records.iter().filter(|record| !matches!(record.event.as_str(), "" | "trace")).count();
    hops.drain(..shown.min(hops.len()));
    Ok(Found { records, beyond: Some(Beyond { hops, is_cut, sums }) })
}

/// Reads no more than has to be: a few minutes where the times are known, else about the time that the id tells, and the
/// whole store only if nothing is there. Gives the window, too, in which all of its records are.
async fn first(state: &AppState, id: &RequestId, limit: u32) -> Result<(Vec<Record>, Window), ApiError> {
    let read = async |window| Ok((state.store.request(id, window, limit).await?, window));
    let made_at = match state.store.request_time(id).await? {
        RequestTime::Seen(window) => return read(window).await,
        RequestTime::Unknown => return read(Window::ALWAYS).await,
        RequestTime::Made(at) => at,
    };
    let after = |ms: i64| Window::between(made_at - limits::REQUEST_BEFORE_ID_MS, made_at + ms);
    let long = after(limits::REQUEST_LONG_MS);
    let (records, near) = read(after(limits::REQUEST_AFTER_ID_MS)).await?;
    if records.len() == limit as usize {
        return Ok((records, long));
    }
    if Trace::new(&records).is_some_and(|trace| trace.complete) {
        return Ok((records, near));
    }
    read(if records.is_empty() { Window::ALWAYS } else { long }).await
}

fn answer(id: &RequestId, found: Found) -> Result<RequestAnswer, ApiError> {
    let trace = found.trace().ok_or_else(|| ApiError::NotFound(format!("no record has the req_id {id}")))?;
    let hops = trace.hops_json().map_err(|error| ApiError::Internal(error.to_string()))?;
    let Found { records, beyond } = found;
    let (is_cut, has_more) = (beyond.as_ref().is_some_and(|beyond| beyond.is_cut), beyond.is_some());
    let sums = beyond.map_or_else(
        || RequestSums {
            records: records.len() as u64,
            errors: trace.error_count as u64,
            projects: trace.services,
            issues: trace.issues,
        },
        |beyond| beyond.sums,
    );
    Ok(RequestAnswer {
        req_id: id.to_string(),
        started_at: trace.started_at,
        duration_ms: trace.duration_ms,
        complete: trace.complete && !is_cut,
        truncated: has_more || trace.flattened,
        record_count: sums.records,
        error_count: sums.errors,
        services: sums.projects,
        issues: sums.issues,
        hops,
        events: records,
    })
}
