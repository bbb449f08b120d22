//! `/api/v1/projects`: who sends.

use super::AppState;
use super::door::{Audience, Doors};
use super::page::Page;
use super::query::{Query, Scope, Window};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::store::limits::PROJECTS_BACK_MS;
use crate::store::project::{Project, ProjectFilter};
use axum::Json;
use axum::extract::State;
use log_center_wire::UnixMillis;
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
    operation_id = "list_projects",
    tag = "stats",
    params(Scope, Window),
    responses(
        (status = 200, description = "The projects.", body = Page<Project>),
        (status = 422, description = "An unknown parameter or a bad value; it is named.", body = ErrorBody),
        (status = 503, description = "ClickHouse is away or gave up; see Retry-After.", body = ErrorBody),
    )
)]
async fn list(
    State(state): State<AppState>,
    query: Query<(Scope, Window)>,
) -> Result<Json<Page<Project>>, ApiError> {
    let (scope, window) = query.parameters;
    let now = clock::now();
    let (since, until) = window.last(now, UnixMillis(i64::MAX), PROJECTS_BACK_MS)?;
    let filter = ProjectFilter { since, until, project: scope.project()?, environment: scope.environment() };
    let items = state.store.projects(&filter, now).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
