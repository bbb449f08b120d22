//! `/api/v1/projects`: who sends.

use super::AppState;
use super::door::{Audience, Doors};
use super::page::Page;
use super::query::Query;
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::store::limits::PROJECTS_BACK_MS;
use crate::store::project::Project;
use axum::Json;
use axum::extract::{RawQuery, State};
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors.documented(Audience::ThisSiteReads, routes!(list))
}

/// List projects.
///
/// Every project that sent an event, the one seen last first: 1,000 at most, on one page.
#[utoipa::path(
    get,
    path = "/api/v1/projects",
    tag = "stats",
    params(
        ("since" = Option<String>, Query, description = "Only with events at this time (ISO 8601, or an age: `24h`, `7d`) or later; 30 days ago, if absent."),
    ),
    responses(
        (status = 200, description = "The projects.", body = Page<Project>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
async fn list(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Project>>, ApiError> {
    let query = Query::parse(query.as_deref(), &["since"], &[])?;
    let now = clock::now();
    let since = query.time("since", now)?.map_or(now.0 - PROJECTS_BACK_MS, |since| since.0);
    let items = state.store.projects(since.clamp(0, i64::from(u32::MAX) * 1000), now).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
