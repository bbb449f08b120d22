use super::{Id, find};
use crate::api::page::Page;
use crate::api::query::{Paging, Query};
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::store::transition::Transition;
use axum::Json;
use axum::extract::State;

/// List the changes of an issue's state, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/issues/{id}/history",
    operation_id = "list_issue_changes",
    tag = "issues",
    params(
        ("id" = u64, Path, description = "The issue."),
        Paging,
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Transition>),
        (status = 404, description = "There is no such issue.", body = ErrorBody),
        (status = 422, description = "`id` or a parameter is wrong; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn history(
    State(state): State<AppState>,
    Id(id): Id,
    query: Query<(Paging,)>,
) -> Result<Json<Page<Transition>>, ApiError> {
    let question = query.question(&format!("history/{id}"));
    let (paging,) = query.parameters;
    let limit = paging.limit();
    let after = paging.after(&question)?;
    find(&state, id).await?;
    let rows = state.store.transitions(id, after.map_or(0, |[sequence]| sequence), limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |page| Some(cursor::encode(&question, &[page.last()?.sequence])))))
}
