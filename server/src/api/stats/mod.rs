//! `/api/v1/stats`: figures over time.

mod latency;
mod overview;
mod performance;

use super::door::{Audience, Doors};
use super::query::{Items, Scope, Window, refused};
use crate::clock;
use crate::error::ApiError;
use crate::store::limits::STATS_ROWS_MAX;
use crate::store::stats::StatsFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors
        .documented(Audience::ThisSiteReads, routes!(overview::overview))
        .documented(Audience::ThisSiteReads, routes!(latency::routes))
        .documented(Audience::ThisSiteReads, routes!(latency::calls))
        .documented(Audience::ThisSiteReads, routes!(performance::performance))
}

const MINUTE_SECONDS: i64 = 60;
const QUARTER_SECONDS: i64 = 15 * 60;

/// How far back figures go if the client names no time, in milliseconds: one day.
const BACK_MS: i64 = 24 * 60 * 60 * 1000;

/// Of what there shall be figures. The time is widened to whole units.
///
/// # Errors
/// 422 naming the parameter.
fn filter(scope: &Scope, window: Window, unit_seconds: i64) -> Result<StatsFilter, ApiError> {
    let now = clock::now();
    let (since, until) = window.last(now, now, BACK_MS)?;
    let unit_ms = unit_seconds * 1000;
    Ok(StatsFilter {
        since: since.div_euclid(unit_ms) * unit_ms,
        until: -(-until).div_euclid(unit_ms) * unit_ms,
        service: scope.project()?,
        environment: scope.environment(),
    })
}

/// How many items an answer of figures has.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Most {
    /// Items at most; fewer than 500 can be asked for if each has many steps.
    #[serde(default)]
    #[param(inline)]
    limit: Items,
}

impl Most {
    /// How many items there may be, each of them with its steps.
    ///
    /// # Errors
    /// 422 naming `limit`.
    fn limit(self, filter: &StatsFilter, step_ms: Option<i64>) -> Result<u32, ApiError> {
        // One more at each end that is not whole.
        let steps = step_ms.map_or(1, |step| (filter.until - filter.since).max(0) / step + 2);
        let most = i64::from(STATS_ROWS_MAX) / steps;
        if i64::from(self.limit.0) > most {
            return Err(refused("limit", format!("must be at most {most} with so many steps")));
        }
        Ok(self.limit.0)
    }
}
