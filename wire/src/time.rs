use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt;

/// Milliseconds since 1970-01-01 00:00 UTC: the one time that the house knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Reads ISO 8601. Without an offset the time is UTC; without a time of day it is midnight.
    ///
    /// # Errors
    /// Not a date of the years -9999 to 9999 in that form.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Self(timestamp.as_millisecond()));
        }
        // Without an offset, or of the last day before the year 10000, which some write for "never" and which is beyond
        // what an instant can be in every time zone.
        let civil: DateTime = text.strip_suffix(['Z', 'z']).unwrap_or(text).parse().map_err(|_| TimeError)?;
        // A text with an offset that was refused would lose the offset here.
        if text.rfind('+').is_some() {
            return Err(TimeError);
        }
        let last = Timestamp::MAX.as_second() * 1000;
        Ok(Self(civil.to_zoned(TimeZone::UTC).map_or(last, |zoned| zoned.timestamp().as_millisecond())))
    }

    /// The day in UTC, counted from 1970-01-01.
    pub fn day(self) -> i32 {
        // Four-digit years: the quotient fits.
        i32::try_from(self.0.div_euclid(24 * 60 * 60 * 1000)).unwrap_or(i32::MAX)
    }
}

impl fmt::Display for UnixMillis {
    /// RFC 3339 in UTC with milliseconds: `2026-01-30T10:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(timestamp) = Timestamp::from_millisecond(self.0) else {
            // Outside the years that a date can have: the number says as much.
            return self.0.fmt(f);
        };
        write!(f, "{timestamp:.3}")
    }
}

/// The text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an ISO 8601 time, e.g. 2026-01-30T10:30:00Z")
    }
}

impl std::error::Error for TimeError {}
