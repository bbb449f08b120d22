use crate::api::page::Page;
use crate::api::query::Query;
use crate::api::{AppState, cursor};
use crate::error::{ApiError, ErrorBody};
use crate::event::Record;
use crate::store::place::Place;
use axum::Json;
use axum::extract::{RawQuery, State};

/// Search events, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(
        ("q" = Option<String>, Query, description = "What to search: `level:>=warn service:pay \"card declined\" tm:>500 -url:/health*`. Everything, if absent.", example = "level:>=warn"),
        ("since" = Option<String>, Query, description = "Only at this time (ISO 8601, or an age: `30m`, `24h`, `7d`) or later; a day before `until` if absent."),
        ("until" = Option<String>, Query, description = "Only before this time."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Items on the page, 50 if absent."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before; the other parameters stay the same."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page<Record>),
        (status = 422, description = "An unknown parameter or a bad value; it is named, in `q` with the place.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn search(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Record>>, ApiError> {
    let query = Query::parse(query.as_deref(), &["q", "since", "until", "limit", "cursor"], &[])?;
    let question = query.question("events");
    let limit = query.limit()?;
    let after = cursor::place(&query, &question)?;
    let found = state.store.events(&super::filter(&state, &query)?, after, limit + 1).await?;
    Ok(Json(Page::cut(found, limit, |page| Some(cursor::encode_place(&question, Place::behind(page)?)))))
}
