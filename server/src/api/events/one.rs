use crate::api::AppState;
use crate::api::query::{Items, Query, refused};
use crate::error::{ApiError, ErrorBody};
use crate::event::{EventId, Record};
use crate::store::around::Common;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The event that a path names.
pub(super) struct Id(EventId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let text = path.map(|Path(text)| text).unwrap_or_default();
        text.parse()
            .map(Id)
            .map_err(|error: crate::event::ParseEventIdError| refused("id", error.to_string()))
    }
}

/// Which neighbours of an event are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Neighbours {
    /// What the others have in common with it: `process` is service, host and process.
    #[serde(default)]
    #[param(inline)]
    by: Common,
    /// Events on either side at most.
    #[serde(default)]
    #[param(inline)]
    limit: Items,
}

/// An event, and what stood before and behind it.
#[derive(Serialize, ToSchema)]
pub(super) struct Around {
    /// The events before it, oldest first.
    before: Vec<Record>,
    /// The event.
    event: Record,
    /// The events behind it, oldest first.
    after: Vec<Record>,
}

/// Show an event, whole.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    tag = "events",
    params(("id" = String, Path, description = "The `id` of the event, from wherever it was shown.")),
    responses(
        (status = 200, description = "The event.", body = Record),
        (status = 404, description = "There is no such event.", body = ErrorBody),
        (status = 422, description = "`id` is none.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn one(
    State(state): State<AppState>,
    _: Query<()>,
    Id(id): Id,
) -> Result<Json<Record>, ApiError> {
    find(&state, id).await.map(Json)
}

/// Show what stood before and behind an event.
///
/// Those of the same process, unless `by` says otherwise, in the order of time, at most a day before and after it.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/around",
    tag = "events",
    params(
        ("id" = String, Path, description = "The `id` of the event, from wherever it was shown."),
        Neighbours,
    ),
    responses(
        (status = 200, description = "The event and its neighbours.", body = Around),
        (status = 404, description = "There is no such event.", body = ErrorBody),
        (status = 422, description = "`id` or a parameter is wrong; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn around(
    State(state): State<AppState>,
    query: Query<(Neighbours,)>,
    Id(id): Id,
) -> Result<Json<Around>, ApiError> {
    let (Neighbours { by: common, limit },) = query.parameters;
    let (limit, event) = (limit.0, find(&state, id).await?);
    match common {
        Common::Request if event.req_id.is_empty() => {
            return Err(refused("by", "must not be request: the event belongs to none"));
        }
        Common::User if event.uid.is_empty() => {
            return Err(refused("by", "must not be user: the event names none"));
        }
        _ => {}
    }
    let before = state.store.events_before(&event, common, limit);
    let after = state.store.events_after(&event, common, limit);
    let (before, after) = try_join(before, after).await?;
    Ok(Json(Around { before, event, after }))
}

async fn find(state: &AppState, id: EventId) -> Result<Record, ApiError> {
    let found = state.store.event(id).await?;
    found.ok_or_else(|| ApiError::NotFound(format!("there is no event {id}")))
}
