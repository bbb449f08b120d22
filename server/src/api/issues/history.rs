use super::{Id, find};
use crate::api::page::Page;
use crate::api::query::Query;
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::store::transition::Transition;
use axum::Json;
use axum::extract::{RawQuery, State};

/// List the changes of an issue's state, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/issues/{id}/history",
    tag = "issues",
    params(
        ("id" = u64, Path, description = "The issue."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on the page, 50 if absent."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
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
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Transition>>, ApiError> {
    let query = Query::parse(query.as_deref(), &["limit", "cursor"], &[])?;
    let question = query.question(&format!("history/{id}"));
    let limit = query.limit()?;
    let after = query.text("cursor").map(|word| cursor::decode(&question, word)).transpose()?;
    find(&state, id).await?;
    let rows = state.store.transitions(id, after.map_or(0, |[sequence]| sequence), limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |page| Some(cursor::encode(&question, &[page.last()?.sequence])))))
}
