use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-01-30T10:30:00.000Z`
pub(super) const LENGTH: usize = 24;

/// The end of 9999: the last second that four digits of year can tell.
const LAST_SECOND: u64 = 253_402_300_799;

/// The time as text. What has not changed is not made anew.
pub(crate) struct Clock {
    second: u64,
    millis: u32,
    /// Whether the text has changed since this was asked for.
    ticked: bool,
    text: [u8; LENGTH],
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: 0, millis: 0, ticked: false, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// RFC 3339 in UTC with milliseconds. A clock before 1970 says 1970.
    #[inline]
    pub(crate) fn now(&mut self) -> &[u8; LENGTH] {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.at(since.as_secs(), since.subsec_millis())
    }

    /// What it told last.
    pub(crate) fn told(&self) -> &[u8; LENGTH] {
        &self.text
    }

    /// Whether the last time that it told was another one than before; once.
    #[inline]
    pub(crate) fn take_tick(&mut self) -> bool {
        self.ticked && std::mem::take(&mut self.ticked)
    }

    #[inline]
    fn at(&mut self, second: u64, millis: u32) -> &[u8; LENGTH] {
        if millis != self.millis || second != self.second {
            self.ticked = true;
            if second != self.second {
                self.second = second;
                self.write_second(second.min(LAST_SECOND));
            }
            self.millis = millis;
            let digit = |number: u32| b'0' + (number % 10) as u8;
            self.text[20..23].copy_from_slice(&[digit(millis / 100), digit(millis / 10), digit(millis)]);
        }
        &self.text
    }

    fn write_second(&mut self, second: u64) {
        let (year, month, day) = civil(second / 86_400);
        let text = &mut self.text;
        write_digits(&mut text[0..4], year);
        write_digits(&mut text[5..7], month);
        write_digits(&mut text[8..10], day);
        write_digits(&mut text[11..13], second / 3_600 % 24);
        write_digits(&mut text[14..16], second / 60 % 60);
        write_digits(&mut text[17..19], second % 60);
    }
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Years are taken to begin in March, so that the leap day is a year's last; then eras of 400 years, which all
/// have 146,097 days, and 153 days for every five months are all there is to know about the calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    const FROM_0000_03_01: u64 = 719_468;
    let days = days + FROM_0000_03_01;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[track_caller]
    fn check(second: u64, expected: &str) {
        let mut clock = Clock::new();
        assert_eq!(clock.at(second, 7), format!("{expected}.007Z").as_bytes());
    }

    // The calendar cannot be reached from outside: the layer reads the machine's own clock.
    #[test]
    fn the_calendar_is_right() {
        check(0, "1970-01-01T00:00:00");
        check(951_782_399, "2000-02-28T23:59:59");
        check(951_782_400, "2000-02-29T00:00:00");
        check(1_769_769_000, "2026-01-30T10:30:00");
        check(4_107_542_399, "2100-02-28T23:59:59");
        check(4_107_542_400, "2100-03-01T00:00:00");
        check(253_402_300_799, "9999-12-31T23:59:59");
        check(u64::MAX, "9999-12-31T23:59:59");
    }
}
