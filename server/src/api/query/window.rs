use super::refused;
use crate::error::ApiError;
use crate::search::age_ms;
use log_center_wire::UnixMillis;
use serde::{Deserialize, Deserializer, de::Error};
use std::str::FromStr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// What time an answer is about.
///
/// Filters have no `example`: the page of the documentation would send it with each request that is tried there.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Window {
    /// From this time on: ISO 8601, or an age (`30m`, `24h`, `7d`). If absent: issues of all times, projects of 30 days, and of everything
    /// else the day before `until`.
    #[param(inline)]
    since: Option<Moment>,
    /// Before this time. If absent: now, and in lists and searches also what clocks that are ahead date after now.
    #[param(inline)]
    until: Option<Moment>,
}

impl Window {
    /// Whether it says where it begins.
    pub(crate) fn has_since(&self) -> bool {
        self.since.is_some()
    }

    /// Whether it says where it ends.
    pub(crate) fn has_until(&self) -> bool {
        self.until.is_some()
    }

    /// The two times. `until_default` is the one of `until` if that is absent and must be compared.
    ///
    /// # Errors
    /// 422 naming `since` if it is after `until`.
    pub(crate) fn resolve(
        self,
        now: UnixMillis,
        until_default: UnixMillis,
    ) -> Result<(Option<UnixMillis>, Option<UnixMillis>), ApiError> {
        let [since, until] = [self.since, self.until].map(|moment| moment.map(|moment| moment.at(now)));
        if since.is_some_and(|since| since > until.unwrap_or(until_default)) {
            return Err(refused("since", "must not be after until"));
        }
        Ok((since, until))
    }

    /// The same, with `back_ms` before `until` for a missing `since`, as far as the store's times reach.
    ///
    /// # Errors
    /// See [`Window::resolve`].
    pub(crate) fn last(
        self,
        now: UnixMillis,
        until_default: UnixMillis,
        back_ms: i64,
    ) -> Result<(i64, i64), ApiError> {
        let (since, until) = self.resolve(now, until_default)?;
        // The day before now, not before what clocks that are ahead may say.
        let since = since.map_or(until.unwrap_or(now).0 - back_ms, |since| since.0);
        let bounded = |ms: i64| ms.clamp(0, BUCKETS_END_MS);
        Ok((bounded(since), bounded(until.unwrap_or(until_default).0)))
    }
}

/// Before this are the buckets of time by which the store is sorted, in milliseconds since 1970; a whole quarter of an hour.
const BUCKETS_END_MS: i64 = (u32::MAX / 900 * 900) as i64 * 1000;

/// The times that ClickHouse's `DateTime64` can hold: the years 1900 to 2299.
const STORE_TIMES_MS: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At this time.
    At(UnixMillis),
    /// So many milliseconds before now.
    Ago(i64),
}

impl Moment {
    /// When that is, as far as the store's times reach.
    fn at(self, now: UnixMillis) -> UnixMillis {
        let at = match self {
            Moment::At(at) => at.0,
            Moment::Ago(ms) => now.0.saturating_sub(ms),
        };
        UnixMillis(at.clamp(STORE_TIMES_MS.0, STORE_TIMES_MS.1))
    }
}

const RULE: &str = "must be an ISO 8601 time (a + in it written %2B), or an age such as 30m, 24h, 7d";

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(ms) = age_ms(text) {
            return Ok(Self::Ago(ms));
        }
        // A time zone in brackets is no ISO 8601, and one that is passed over would make it another time.
        let time =
            Some(text).filter(|text| !text.contains('[')).and_then(|text| UnixMillis::parse(text).ok());
        time.map(Self::At).ok_or(RULE)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).into())
    }
}

impl ToSchema for Moment {}

#[cfg(test)]
mod tests {
    use super::{Moment, UnixMillis};

    #[track_caller]
    fn check(text: &str, expected: Option<Moment>) {
        assert_eq!(text.parse::<Moment>().ok(), expected, "{text}");
    }

    #[test]
    fn times_and_ages_are_read() {
        let eight = Some(Moment::At(UnixMillis(1_795_766_400_000)));
        check("2026-11-27T08:00:00Z", eight);
        check("2026-11-27 08:00", eight);
        check("2026-11-27T09:00:00+01:00", eight);
        check("30m", Some(Moment::Ago(30 * 60 * 1000)));
        check("0s", Some(Moment::Ago(0)));
        check("99999999999999w", Some(Moment::Ago(i64::MAX)));
    }

    #[test]
    fn a_time_in_no_form_of_ours_is_refused() {
        for text in [
            "2026-11-27T08:00:00[Europe/Berlin]",
            "2026-11-27T08:00:00+01:00[Europe/Berlin]",
            "2026-11-27T08:00:00Z[UTC]",
            "2026-11-27[u-ca=gregory]",
            "yesterday",
            "-5m",
            "5y",
            "m",
            "",
        ] {
            check(text, None);
        }
    }
}
