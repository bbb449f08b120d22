use super::{Id, find};
use crate::api::page::Page;
use crate::api::query::Query;
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::store::occurrence::Occurrence;
use crate::store::place::Place;
use axum::Json;
use axum::extract::{RawQuery, State};

/// List the occurrences of an issue, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/issues/{id}/occurrences",
    tag = "issues",
    params(
        ("id" = u64, Path, description = "The issue."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on the page, 50 if absent."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
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
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Occurrence>>, ApiError> {
    let query = Query::parse(query.as_deref(), &["limit", "cursor"], &[])?;
    let question = query.question(&format!("occurrences/{id}"));
    let limit = query.limit()?;
    let after = cursor::place(&query, &question)?;
    let issue = find(&state, id).await?;
    let rows = state.store.occurrences(&issue, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |page| Some(cursor::encode_place(&question, Place::behind(page)?)))))
}
