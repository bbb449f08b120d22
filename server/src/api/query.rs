//! The parameters of a list: each known, each given once unless it may repeat, each with a value that can be read.

use crate::clock;
use crate::error::ApiError;
use crate::store::limits;
use log_center_wire::UnixMillis;
use log_center_wire::limits::PROJECT_BYTES;
use std::str::FromStr;
use url::form_urlencoded;

/// The parameters of one request. One with an empty value counts as absent, as forms send it.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of the URL behind `?`.
    ///
    /// # Errors
    /// 422 a parameter that is not in `known`, or that comes twice and is not in `repeatable`.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str], repeatable: &[&str]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let is_repeatable = repeatable.contains(&name.as_ref());
            if !is_repeatable && !known.contains(&name.as_ref()) {
                let all = [known, repeatable].concat().join(", ");
                return Err(refused(&name, format!("is no parameter of this path, which has {all}")));
            }
            if value.is_empty() {
                continue;
            }
            if !is_repeatable && pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(refused(&name, "must be given once"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self { pairs })
    }

    /// The value of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a parameter that may repeat.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// The value of a parameter, not longer than `limit` bytes.
    pub(crate) fn bounded(&self, name: &str, limit: usize) -> Result<Option<String>, ApiError> {
        match self.text(name) {
            Some(text) if text.len() > limit => {
                Err(refused(name, format!("must be at most {limit} bytes long")))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// The number of a parameter, from 1 to `most`; `default` if it is absent.
    pub(crate) fn number(&self, name: &str, default: u32, most: u32) -> Result<u32, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = u32::from_str(text).ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| refused(name, format!("must be an integer from 1 to {most}")))
    }

    /// How many items a page shall have.
    pub(crate) fn limit(&self) -> Result<u32, ApiError> {
        self.number("limit", limits::PAGE_ITEMS, limits::PAGE_ITEMS_MAX)
    }

    /// A time: ISO 8601, or so long before `now` (`90s`, `30m`, `24h`, `7d`, `2w`).
    pub(crate) fn time(&self, name: &str, now: UnixMillis) -> Result<Option<UnixMillis>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = before(text, now).or_else(|| UnixMillis::parse(text).ok());
        let time = time.ok_or_else(|| {
            refused(name, "must be an ISO 8601 time (a + in it written %2B), or an age such as 30m, 24h, 7d")
        })?;
        Ok(Some(UnixMillis(time.0.clamp(STORE_TIMES_MS.0, STORE_TIMES_MS.1))))
    }

    /// The parameter `service`, which may also be called `project`.
    pub(crate) fn service(&self) -> Result<Option<String>, ApiError> {
        if self.text("service").is_some() && self.text("project").is_some() {
            return Err(refused("project", "is another name of service, and one of the two must be absent"));
        }
        Ok(self.bounded("service", PROJECT_BYTES)?.or(self.bounded("project", PROJECT_BYTES)?))
    }

    /// The first and the last millisecond of the parameters `since` and `until`, as far as the store reaches: if both are
    /// absent the last day, and what clocks that are ahead date after now.
    pub(crate) fn window(&self) -> Result<(i64, i64), ApiError> {
        let now = clock::now();
        let until = self.time("until", now)?.map_or(now.0 + limits::SEARCH_BACK_MS, |until| until.0 - 1);
        let since = self.time("since", now)?;
        let since = since.map_or(until.min(now.0) - limits::SEARCH_BACK_MS, |since| since.0);
        // What the buckets of five minutes can hold.
        let bounded = |ms: i64| ms.clamp(0, i64::from(u32::MAX) * 1000);
        Ok((bounded(since), bounded(until)))
    }

    /// The question apart from which page of it: what a cursor belongs to.
    pub(crate) fn question(&self, list: &str) -> String {
        let mut serializer = form_urlencoded::Serializer::new(format!("{list}?"));
        let mut pairs: Vec<_> =
            self.pairs.iter().filter(|pair| !["cursor", "limit"].contains(&pair.0.as_str())).collect();
        pairs.sort();
        serializer.extend_pairs(pairs);
        serializer.finish()
    }
}

/// The times that ClickHouse's `DateTime64` can hold: the years 1900 to 2299.
const STORE_TIMES_MS: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

pub(crate) fn refused(name: &str, rule: impl Into<String>) -> ApiError {
    ApiError::Parameter { field: name.to_owned(), rule: rule.into() }
}

fn before(text: &str, now: UnixMillis) -> Option<UnixMillis> {
    let unit = text.chars().next_back()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(UnixMillis(now.0.saturating_sub(number.saturating_mul(seconds * 1000))))
}
