//! `/api/v1/events`: records come in, are searched, and counted.

mod accept;
mod facets;
mod histogram;
mod search;
mod tail;

use super::AppState;
use super::door::{Audience, Doors};
use super::query::{Query, refused};
use crate::clock;
use crate::error::ApiError;
use crate::search::{Condition, Expression, TimeSpan};
use crate::store::event::EventFilter;
use log_center_wire::UnixMillis;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .documented(Audience::AnyoneSends, routes!(accept::accept))
        .documented(Audience::ThisSiteReads, routes!(search::search))
        .documented(Audience::ThisSiteReads, routes!(facets::facets))
        .documented(Audience::ThisSiteReads, routes!(histogram::histogram))
        .documented(Audience::ThisSiteReads, routes!(tail::tail))
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Which events a question is about: the parameters `q`, `since` and `until`.
///
/// # Errors
/// 422 naming the parameter.
fn filter(state: &AppState, query: &Query) -> Result<EventFilter, ApiError> {
    let expression = expression(query, clock::now())?;
    let (since, until) = query.window()?;
    let is_given = |name| query.text(name).is_some();
    let span = TimeSpan::of(&expression);
    let (since, until) = span.narrow((since, is_given("since")), (until, is_given("until")));
    // They are deleted by days, and so today is one of them.
    let days = i64::from(state.retention.least_days()) - 1;
    let kept_since = (clock::now().0.div_euclid(DAY_MS) - days) * DAY_MS;
    Ok(EventFilter { condition: Condition::from(&expression), since, until, kept_since })
}

/// What is searched: the parameter `q`, whose ages are counted back from `now`.
///
/// # Errors
/// 422 naming it and the place in it.
fn expression(query: &Query, now: UnixMillis) -> Result<Expression, ApiError> {
    let expression = Expression::parse(query.text("q").unwrap_or_default(), now);
    expression.map_err(|error| refused("q", error.to_string()))
}
