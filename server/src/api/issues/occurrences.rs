use super::{Id, find};
use crate::api::page::Page;
use crate::api::query::{Paging, Query};
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::store::occurrence::Occurrence;
use crate::store::place::Place;
use axum::Json;
use axum::extract::State;

/// List the occurrences of an issue, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/issues/{id}/occurrences",
    operation_id = "list_occurrences",
    tag = "issues",
    params(
        ("id" = u64, Path, description = "The issue."),
        Paging,
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Occurrence>),
        (status = 404, description = "There is no such issue.", body = ErrorBody),
        (status = 422, description = "`id` or a parameter is wrong; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn occurrences(
    State(state): State<AppState>,
    Id(id): Id,
    query: Query<(Paging,)>,
) -> Result<Json<Page<Occurrence>>, ApiError> {
    let question = query.question(&format!("occurrences/{id}"));
    let (paging,) = query.parameters;
    let limit = paging.limit();
    let after = paging.after_place(&question)?;
    let issue = find(&state, id).await?;
    let rows = state.store.occurrences(&issue, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |page| Some(cursor::encode_place(&question, Place::behind(page)?)))))
}
