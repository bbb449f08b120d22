//! Times in a search, and the time outside of which a search finds nothing.

use super::field::Kind;
use super::{Expression, Interval, Point, Subject, Term, Test};
use log_center_wire::UnixMillis;
use std::ops::Bound;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How the text of a date without a time of day looks.
const DATE: &str = "2026-01-30";

/// What a time in a search stands for: a date for its day, anything else for that millisecond. `None`: it is none.
pub(super) fn interval(word: &str, now: UnixMillis) -> Option<Interval> {
    if let Some(ms) = age_ms(word) {
        return Some(Interval::at(Point::Time(now.0.saturating_sub(ms))));
    }
    // A time zone in brackets is no ISO 8601, and would be passed over.
    let time = UnixMillis::parse(word).ok().filter(|_| !word.contains('['))?.0;
    let is_date = word.len() == DATE.len() && !word.contains(['T', 't', ' ']);
    if !is_date {
        return Some(Interval::at(Point::Time(time)));
    }
    Some(Interval {
        from: Bound::Included(Point::Time(time)),
        to: Bound::Excluded(Point::Time(time.saturating_add(DAY_MS))),
    })
}

/// Reads an age in milliseconds (`90s`, `30m`, `24h`, `7d`, `2w`); `None`: it is none.
pub(crate) fn age_ms(text: &str) -> Option<i64> {
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
    Some(number.saturating_mul(seconds * 1000))
}

/// The first and the last millisecond at which a search can find anything; `None` where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeSpan {
    /// The first.
    pub(crate) first: Option<i64>,
    /// The last.
    pub(crate) last: Option<i64>,
}

impl TimeSpan {
    /// The time to which a search bounds itself by terms of `time`.
    pub(crate) fn of(expression: &Expression) -> Self {
        match expression {
            Expression::All(parts) => parts.iter().map(Self::of).fold(Self::default(), Self::and),
            Expression::Any(parts) => parts.iter().map(Self::of).reduce(Self::or).unwrap_or_default(),
            Expression::Term(Term { subject: Subject::Field(field), test: Test::Within(interval) })
                if field.kind == Kind::Time && field.name == "time" =>
            {
                let first = match interval.from {
                    Bound::Included(Point::Time(ms)) => Some(ms),
                    Bound::Excluded(Point::Time(ms)) => Some(ms.saturating_add(1)),
                    _ => None,
                };
                let last = match interval.to {
                    Bound::Included(Point::Time(ms)) => Some(ms),
                    Bound::Excluded(Point::Time(ms)) => Some(ms.saturating_sub(1)),
                    _ => None,
                };
                Self { first, last }
            }
            _ => Self::default(),
        }
    }

    /// The time to be read, both ends included: from `since` to `until`, as far as the search reaches into it. An end that was
    /// not given (`false`) gives way to that of the search. Without any beginning it is a day before the end.
    pub(crate) fn narrow(self, since: (i64, bool), until: (i64, bool)) -> (i64, i64) {
        let last = match (self.last, until) {
            (Some(last), (until, true)) => last.min(until),
            (Some(last), _) => last,
            (None, (until, _)) => until,
        };
        let first = match (self.first, since) {
            (Some(first), (since, true)) => first.max(since),
            (Some(first), _) => first,
            (None, (since, true)) => since,
            (None, (since, _)) => since.min(last.saturating_sub(DAY_MS)),
        };
        // What the buckets of five minutes can hold.
        let bounded = |ms: i64| ms.clamp(0, i64::from(u32::MAX) * 1000);
        (bounded(first), bounded(last))
    }

    fn and(self, other: Self) -> Self {
        Self {
            first: self.first.into_iter().chain(other.first).max(),
            last: self.last.into_iter().chain(other.last).min(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            first: self.first.zip(other.first).map(|(a, b)| a.min(b)),
            last: self.last.zip(other.last).map(|(a, b)| a.max(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TimeSpan;
    use crate::search::Expression;
    use log_center_wire::UnixMillis;

    #[test]
    fn a_search_bounds_its_time() {
        for (q, first, last) in [
            ("", None, None),
            ("a time:>=1970-01-01T00:00:01Z", Some(1000), None),
            ("time:>1970-01-01T00:00:01Z", Some(1001), None),
            ("time:<1970-01-01T00:00:01Z level:error", None, Some(999)),
            ("time:1970-01-02", Some(86_400_000), Some(2 * 86_400_000 - 1)),
            ("time:>1970-01-02", Some(2 * 86_400_000), None),
            ("time:<=1970-01-02", None, Some(2 * 86_400_000 - 1)),
            ("time:[1970-01-01T00:00:01Z TO 1970-01-01T00:00:03Z}", Some(1000), Some(2999)),
            (
                "time:<1970-01-02 (time:>=1970-01-01T01:00Z OR time:>=1970-01-01T02:00Z)",
                Some(3_600_000),
                Some(86_399_999),
            ),
            ("time:<1970-01-02 OR level:error", None, None),
            ("-time:<1970-01-02", None, None),
            ("time!=1970-01-02", None, None),
            ("received_at:<1970-01-02", None, None),
            ("time:>10s", Some(90_001), None),
        ] {
            let expression = Expression::parse(q, UnixMillis(100_000)).unwrap();
            assert_eq!(TimeSpan::of(&expression), TimeSpan { first, last }, "{q}");
        }
    }

    #[test]
    fn a_bound_of_the_search_takes_the_place_of_an_assumed_one() {
        const DAY: i64 = super::DAY_MS;
        let of = |first, last| TimeSpan { first, last };
        let now = 100 * DAY;
        for (span, since, until, expected) in [
            (of(None, None), (now - DAY, false), (now + DAY, false), (now - DAY, now + DAY)),
            (of(Some(5), None), (now - DAY, false), (now + DAY, false), (5, now + DAY)),
            (of(Some(5), Some(9)), (now - DAY, false), (now + DAY, false), (5, 9)),
            (of(None, Some(3 * DAY)), (now - DAY, false), (now + DAY, false), (2 * DAY, 3 * DAY)),
            (of(None, Some(now)), (now - DAY, false), (now + DAY, false), (now - DAY, now)),
            (of(Some(5), Some(9)), (6, true), (8, true), (6, 8)),
            (of(Some(5), Some(9)), (1, true), (20, true), (5, 9)),
            (of(Some(5), None), (now, true), (now + DAY, false), (now, now + DAY)),
        ] {
            assert_eq!(span.narrow(since, until), expected, "{span:?} {since:?} {until:?}");
        }
    }
}
