//! The parameter `step_seconds`: how long a step of time is.

use super::query::refused;
use crate::error::ApiError;
use crate::store::limits::{HISTOGRAM_STEPS, HISTOGRAM_STEPS_MAX};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// Round steps, in seconds.
const ROUND_SECONDS: [i64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 43_200, 86_400];

/// Longest step that can be asked for, in seconds: a day.
const SECONDS_MAX: u32 = 86_400;

/// How long the steps of an answer over time are.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Step {
    /// Length of a step: a multiple of 60 for figures by the minute (routes, calls, performance) and of 900 for the overview. If absent,
    /// a round number that makes some 60 steps; routes and calls are then not divided into steps. At most 3000 steps.
    #[serde(default, deserialize_with = "seconds")]
    #[param(minimum = 1, maximum = 86400)]
    step_seconds: Option<u32>,
}

impl Step {
    /// Whether the request says how long a step is.
    pub(crate) fn is_given(self) -> bool {
        self.step_seconds.is_some()
    }

    /// Milliseconds in a step of a time; if none is named, in a round one that makes some 60. Steps are multiples of `unit_seconds`.
    ///
    /// # Errors
    /// 422 a step that cannot be, or that would make too many.
    pub(crate) fn within(self, (since, until): (i64, i64), unit_seconds: i64) -> Result<i64, ApiError> {
        let seconds = (until - since).max(0) / 1000;
        let round = ROUND_SECONDS.into_iter().filter(|step| step % unit_seconds == 0);
        // Of more than two months, the days that there are.
        let default = round
            .into_iter()
            .find(|step| seconds / step <= HISTOGRAM_STEPS)
            .unwrap_or_else(|| (seconds / HISTOGRAM_STEPS_MAX).max(SECONDS_MAX.into()));
        let step = match self.step_seconds {
            None => default - default % unit_seconds,
            Some(step) => step.into(),
        };
        if step % unit_seconds != 0 {
            return Err(refused(NAME, format!("must be a multiple of {unit_seconds}")));
        }
        if seconds / step > HISTOGRAM_STEPS_MAX {
            let least = seconds / HISTOGRAM_STEPS_MAX + 1;
            return Err(refused(NAME, format!("must be at least {least} for so long a time")));
        }
        Ok(step * 1000)
    }
}

const NAME: &str = "step_seconds";

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let seconds = String::deserialize(deserializer)?.parse().ok();
    let seconds = seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
    seconds.map(Some).ok_or_else(|| D::Error::custom(format!("must be an integer from 1 to {SECONDS_MAX}")))
}
