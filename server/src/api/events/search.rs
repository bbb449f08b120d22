use super::Search;
use crate::api::page::Page;
use crate::api::query::{Paging, Query, Scope, Window};
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::event::Record;
use crate::store::place::Place;
use axum::Json;
use axum::extract::State;

/// Search events, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "search_events",
    tag = "events",
    params(Search, Scope, Window, Paging),
    responses(
        (status = 200, description = "A page.", body = Page<Record>),
        (status = 422, description = "An unknown parameter or a bad value; it is named, in `q` with the place.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn search(
    State(state): State<AppState>,
    query: Query<(Search, Scope, Window, Paging)>,
) -> Result<Json<Page<Record>>, ApiError> {
    let question = query.question("events");
    let (search, scope, window, paging) = query.parameters;
    let (limit, after) = (paging.limit(), paging.after_place(&question)?);
    let found = state.store.events(&search.filter(&state, &scope, window)?, after, limit + 1).await?;
    Ok(Json(Page::cut(found, limit, |page| Some(cursor::encode_place(&question, Place::behind(page)?)))))
}
