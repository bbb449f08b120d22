//! `/api/v1/events`: records come in, are searched, and counted.

mod accept;
mod facets;
mod histogram;
mod search;
mod tail;

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
        .routes(routes!(tail::tail))
}

/// Which events a question is about: the parameters `q`, `since` and `until`.
///
/// # Errors
/// 422 naming the parameter.
fn filter(query: &Query) -> Result<EventFilter, ApiError> {
    let (since, until) = query.window()?;
    Ok(EventFilter { condition: Condition::from(&expression(query)?), since, until })
}

/// What is searched: the parameter `q`.
///
/// # Errors
/// 422 naming it and the place in it.
fn expression(query: &Query) -> Result<Expression, ApiError> {
    let expression = Expression::parse(query.text("q").unwrap_or_default());
    expression.map_err(|error| refused("q", error.to_string()))
}
