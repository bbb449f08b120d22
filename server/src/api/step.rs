//! The parameter `step_seconds`: how long a step of time is.

use super::query::{Query, refused};
use crate::error::ApiError;
use crate::store::limits::{HISTOGRAM_STEPS, HISTOGRAM_STEPS_MAX};

/// Round steps, in seconds.
const ROUND_SECONDS: [i64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 43_200, 86_400];

/// Longest step that can be asked for, in seconds: a day.
const SECONDS_MAX: u32 = 86_400;

/// Milliseconds in a step of a time; if none is named, in a round one that makes some 60. Steps are multiples of `unit_seconds`.
///
/// # Errors
/// 422 a step that cannot be, or that would make too many.
pub(crate) fn step_ms(query: &Query, (since, until): (i64, i64), unit_seconds: i64) -> Result<i64, ApiError> {
    let seconds = (until - since).max(0) / 1000;
    let round = ROUND_SECONDS.into_iter().filter(|step| step % unit_seconds == 0);
    // Of more than two months, the days that there are.
    let default = round
        .into_iter()
        .find(|step| seconds / step <= HISTOGRAM_STEPS)
        .unwrap_or_else(|| (seconds / HISTOGRAM_STEPS_MAX).max(SECONDS_MAX.into()));
    let step = match query.text("step_seconds") {
        None => default - default % unit_seconds,
        Some(_) => query.number("step_seconds", 1, SECONDS_MAX)?.into(),
    };
    if step % unit_seconds != 0 {
        return Err(refused("step_seconds", format!("must be a multiple of {unit_seconds}")));
    }
    if seconds / step > HISTOGRAM_STEPS_MAX {
        let least = seconds / HISTOGRAM_STEPS_MAX + 1;
        return Err(refused("step_seconds", format!("must be at least {least} for so long a time")));
    }
    Ok(step * 1000)
}
