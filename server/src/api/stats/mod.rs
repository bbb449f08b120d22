//! `/api/v1/stats`: figures over time.

mod latency;
mod overview;
mod performance;

use super::door::{Audience, Doors};
use super::query::{Query, refused};
use crate::clock;
use crate::error::ApiError;
use crate::store::limits::STATS_ROWS_MAX;
use crate::store::stats::StatsFilter;
use log_center_wire::limits::ENVIRONMENT_BYTES;
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

/// The parameters `since`, `until`, `service` and `environment`. The time is widened to whole units.
///
/// # Errors
/// 422 naming the parameter.
fn filter(query: &Query, unit_seconds: i64) -> Result<StatsFilter, ApiError> {
    let now = clock::now();
    let bounded = |ms: i64| ms.clamp(0, i64::from(u32::MAX / 900 * 900) * 1000);
    let until = bounded(query.time("until", now)?.unwrap_or(now).0);
    let since = bounded(query.time("since", now)?.map_or(until - BACK_MS, |since| since.0));
    let unit_ms = unit_seconds * 1000;
    Ok(StatsFilter {
        since: since.div_euclid(unit_ms) * unit_ms,
        until: -(-until).div_euclid(unit_ms) * unit_ms,
        service: query.service()?,
        // The store has it in lower case.
        environment: query.bounded("environment", ENVIRONMENT_BYTES)?.map(|name| name.to_lowercase()),
    })
}

/// How many items there may be, each of them with its steps.
///
/// # Errors
/// 422 naming `limit`.
fn limit(query: &Query, filter: &StatsFilter, step_ms: Option<i64>) -> Result<u32, ApiError> {
    let limit = query.limit()?;
    // One more at each end that is not whole.
    let steps = step_ms.map_or(1, |step| (filter.until - filter.since).max(0) / step + 2);
    let most = i64::from(STATS_ROWS_MAX) / steps;
    if i64::from(limit) > most {
        return Err(refused("limit", format!("must be at most {most} with so many steps")));
    }
    Ok(limit)
}
