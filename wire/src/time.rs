use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt;

/// Milliseconds since 1970-01-01 00:00 UTC: the one time that the house knows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Reads ISO 8601. Without an offset the time is UTC; without a time of day it is midnight.
    ///
    /// # Errors
    /// Not a date of the years -9999 to 9999 in that form, or one with the name of a time zone and no offset: what a zone's
    /// clocks showed at some time is not known here.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Self(timestamp.as_millisecond()));
        }
        if text.contains('[') {
            return Err(TimeError::ZoneWithoutOffset);
        }
        // Without an offset, or of the last day before the year 10000, which some write for "never" and which is beyond
        // what an instant can be in every time zone.
        let civil: DateTime =
            text.strip_suffix(['Z', 'z']).unwrap_or(text).parse().map_err(|_| TimeError::NoTime)?;
        // A text with an offset that was refused would lose the offset here.
        if text.rfind('+').is_some() {
            return Err(TimeError::NoTime);
        }
        let last = Timestamp::MAX.as_second() * 1000;
        Ok(Self(civil.to_zoned(TimeZone::UTC).map_or(last, |zoned| zoned.timestamp().as_millisecond())))
    }

    /// Reads a number, which counts from 1970-01-01 00:00 UTC: seconds if it is below 10^11 (the year 5138), milliseconds
    /// below 10^14, microseconds below 10^17, else nanoseconds. It may have a fraction.
    ///
    /// # Errors
    /// No number, or beyond the year 9999.
    pub(crate) fn of_number(text: &str) -> Result<Self, TimeError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if let (Ok(whole), true) = (whole.parse::<i128>(), fraction.bytes().all(|byte| byte.is_ascii_digit()))
        {
            // As many digits as milliseconds have.
            let thousandths: i128 = format!("{fraction:0<3}")[..3].parse().map_err(|_| TimeError::NoTime)?;
            let is_negative = text.starts_with('-');
            return Self::of_parts(whole, if is_negative { -thousandths } else { thousandths });
        }
        // With an exponent. A double counts the milliseconds of such a time exactly.
        let number: f64 =
            text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or(TimeError::NoTime)?;
        let thousandths = (number.fract() * 1000.0).round();
        // Casts saturate, and what is so large is refused.
        Self::of_parts(number.trunc() as i128, thousandths as i128)
    }

    /// The same for a whole number.
    pub(crate) fn of_integer(number: i128) -> Result<Self, TimeError> {
        Self::of_parts(number, 0)
    }

    fn of_parts(whole: i128, thousandths: i128) -> Result<Self, TimeError> {
        let ms = match whole.unsigned_abs() {
            0..100_000_000_000 => whole * 1000 + thousandths,
            100_000_000_000..100_000_000_000_000 => whole,
            100_000_000_000_000..100_000_000_000_000_000 => whole.div_euclid(1000),
            _ => whole.div_euclid(1_000_000),
        };
        let ms = i64::try_from(ms).ok().filter(|ms| Timestamp::from_millisecond(*ms).is_ok());
        ms.map(Self).ok_or(TimeError::NoTime)
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
pub enum TimeError {
    /// It is not in the form of ISO 8601, or no day of the calendar.
    NoTime,
    /// It names a time zone, but not the offset from UTC.
    ZoneWithoutOffset,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeError::NoTime => f.write_str("must be an ISO 8601 time, e.g. 2026-01-30T10:30:00Z"),
            TimeError::ZoneWithoutOffset => f.write_str(
                "must give the offset from UTC beside the name of a time zone, e.g. 2026-01-30T10:30:00+01:00[Europe/Berlin]",
            ),
        }
    }
}

impl std::error::Error for TimeError {}
