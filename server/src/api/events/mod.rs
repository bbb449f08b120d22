//! `/api/v1/events`: records come in, are searched, and counted.

mod accept;
mod facets;
mod histogram;
mod one;
mod search;
mod tail;

use super::AppState;
use super::door::{Audience, Doors};
use super::query::{Scope, Window, refused};
use crate::clock;
use crate::error::ApiError;
use crate::search::{Condition, Expression, Field, Subject, Term, Test, TimeSpan};
use crate::store::event::EventFilter;
use crate::store::limits::SEARCH_BACK_MS;
use log_center_wire::UnixMillis;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .documented(Audience::AnyoneSends, routes!(accept::accept))
        .documented(Audience::ThisSiteReads, routes!(search::search))
        .documented(Audience::ThisSiteReads, routes!(facets::facets))
        .documented(Audience::ThisSiteReads, routes!(histogram::histogram))
        .documented(Audience::ThisSiteReads, routes!(tail::tail))
        .documented(Audience::ThisSiteReads, routes!(one::one))
        .documented(Audience::ThisSiteReads, routes!(one::around))
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is searched for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Only events that match this search: `level:>=warn service:pay "card declined" tm:>500 -url:/health*`. Everything, if absent.
    q: Option<String>,
}

impl Search {
    /// Both what `q` says and whose events they are. Ages in `q` are counted back from `now`.
    ///
    /// # Errors
    /// 422 naming `q` and the place of the mistake in it, or a parameter of `scope`.
    fn expression(&self, scope: &Scope, now: UnixMillis) -> Result<Expression, ApiError> {
        let wanted = Expression::parse(self.q.as_deref().unwrap_or_default(), now);
        let wanted = wanted.map_err(|error| refused("q", error.to_string()))?;
        let of_scope = [("project", scope.project()?), ("environment", scope.environment())];
        let of_scope = of_scope.into_iter().filter_map(|(name, text)| {
            Some(Expression::Term(Term {
                subject: Subject::Field(Field::named(name)?),
                test: Test::Is(text?),
            }))
        });
        let mut all: Vec<Expression> = of_scope.collect();
        if all.is_empty() {
            return Ok(wanted);
        }
        all.push(wanted);
        Ok(Expression::All(all))
    }

    /// Which events a list, a facet or a histogram is about.
    ///
    /// # Errors
    /// 422 naming the parameter.
    fn filter(&self, state: &AppState, scope: &Scope, window: Window) -> Result<EventFilter, ApiError> {
        let now = clock::now();
        // What clocks that are ahead date after now belongs to the newest events.
        let (since, until) = window.last(now, UnixMillis(now.0 + SEARCH_BACK_MS + 1), SEARCH_BACK_MS)?;
        let expression = self.expression(scope, now)?;
        let span = TimeSpan::of(&expression);
        let (since, until) = span.narrow((since, window.has_since()), (until - 1, window.has_until()));
        // Events are deleted by days, and so today is one of them.
        let days = i64::from(state.retention.least_days()) - 1;
        let kept_since = (now.0.div_euclid(DAY_MS) - days) * DAY_MS;
        Ok(EventFilter { condition: Condition::from(&expression), since, until, kept_since })
    }
}
