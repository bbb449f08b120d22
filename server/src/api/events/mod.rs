//! `/api/v1/events`: records come in, are searched, and counted.

mod accept;
mod facets;
mod histogram;
mod search;

use super::AppState;
use super::query::{Query, refused};
use crate::error::ApiError;
use crate::search::{Condition, Expression};
use crate::store::event::EventFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(accept::accept, search::search))
        .routes(routes!(facets::facets))
        .routes(routes!(histogram::histogram))
}

/// Which events a question is about: the parameters `q`, `since` and `until`.
///
/// # Errors
/// 422 naming the parameter.
fn filter(query: &Query) -> Result<EventFilter, ApiError> {
    let (since, until) = query.window()?;
    let expression = Expression::parse(query.text("q").unwrap_or_default());
    let expression = expression.map_err(|error| refused("q", error.to_string()))?;
    Ok(EventFilter { condition: Condition::from(&expression), since, until })
}
