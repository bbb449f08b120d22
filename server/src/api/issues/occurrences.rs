use super::query::Query;
use super::{Id, Page, cursor, find};
use crate::api::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::store::occurrence::{Occurrence, OccurrencePlace};
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
    let after = query.text("cursor").map(|word| place(&question, word)).transpose()?;
    let issue = find(&state, id).await?;
    let rows = state.store.occurrences(&issue, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |page| {
        let place = OccurrencePlace::behind(page, after)?;
        Some(cursor::encode(&question, &[place.time.cast_unsigned(), place.tie, place.skip.into()]))
    })))
}

fn place(question: &str, word: &str) -> Result<OccurrencePlace, ApiError> {
    let [time, tie, skip] = cursor::decode(question, word)?;
    Ok(OccurrencePlace { time: time.cast_signed(), tie, skip: u32::try_from(skip).unwrap_or(u32::MAX) })
}
