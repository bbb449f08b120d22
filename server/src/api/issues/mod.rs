//! `/api/v1/issues`: the list, one issue, its occurrences, its history, and changes of its state.

mod change;
mod history;
pub(crate) mod list;
mod occurrences;
pub(crate) mod one;

use super::AppState;
use super::door::{Audience, Doors};
use crate::error::ApiError;
use crate::store::issue::Issue;
use crate::writer::Until;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use log_center_wire::IssueId;
use std::time::Duration;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .documented(Audience::ThisSiteReads, routes!(list::list))
        .documented(Audience::ThisSiteReads, routes!(one::one))
        .documented(Audience::ThisSiteChanges, routes!(change::change))
        .documented(Audience::ThisSiteReads, routes!(occurrences::occurrences))
        .documented(Audience::ThisSiteReads, routes!(history::history))
}

/// The issue that a path names.
pub struct Id(pub IssueId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let refused =
            |rule: &dyn ToString| ApiError::Parameter { field: "id".to_owned(), rule: rule.to_string() };
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| refused(&log_center_wire::ParseIssueIdError))?;
        text.parse().map(Id).map_err(|error| refused(&error))
    }
}

/// How long an issue that ClickHouse does not know is waited for, if something is on its way there: whoever was told its
/// number a moment ago may ask for it.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The issue, or 404.
pub(crate) async fn find(state: &AppState, id: IssueId) -> Result<Issue, ApiError> {
    let end = *state.spool.end().borrow();
    let behind = Until::behind(&state.progress, end);
    let mut issue = state.store.issue(id).await?;
    for until in behind {
        if issue.is_some() || !state.progress.wait_for(until, end, ARRIVAL_TIMEOUT).await {
            break;
        }
        issue = state.store.issue(id).await?;
    }
    issue.ok_or_else(|| ApiError::NotFound(format!("there is no issue {id}")))
}
