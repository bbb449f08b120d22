use log_center_wire::{EventKind, Level, RequestId, Scope, TimeError, UnixMillis, limits};

#[test]
fn levels_have_bunyan_numbers_and_report_words() {
    let numbers: Vec<_> = Level::ALL.iter().map(|level| level.number()).collect();
    assert_eq!(numbers, [10, 20, 30, 40, 50, 60]);
    for (word, level) in [
        ("ERROR", Level::Error),
        ("error", Level::Error),
        ("Warning", Level::Warn),
        ("WARN", Level::Warn),
        ("critical", Level::Fatal),
        ("FATAL", Level::Fatal),
    ] {
        assert_eq!(Level::from_report(word), Ok(level), "{word}");
    }
    for word in ["INFO", "debug", "TRACE", "", "ERR", "50"] {
        assert!(Level::from_report(word).is_err(), "{word}");
    }
}

#[test]
fn a_number_between_two_levels_is_the_lower_one() {
    for (number, level) in [(1, Level::Trace), (29, Level::Debug), (30, Level::Info), (255, Level::Fatal)] {
        assert_eq!(Level::at_or_below(number), level, "{number}");
    }
}

#[test]
fn scopes_and_events_are_the_words_of_the_specification() {
    assert_eq!(Scope::ALL.map(Scope::as_str), ["desc", "stat", "visit", "biz"]);
    let events = ["client-req", "service-start", "service-end", "service-err", "trace", "client-res"];
    assert_eq!(EventKind::ALL.map(EventKind::as_str), events);
}

#[test]
fn a_request_id_is_visible_ascii() {
    let longest = "x".repeat(limits::REQUEST_ID_CHARS);
    for id in ["req_abc123", "01920000-0000-7000-8000-000000000000", "!", longest.as_str()] {
        assert_eq!(RequestId::new(id).map(|id| id.to_string()), Ok(id.to_owned()));
    }
    for id in ["", "a b", "é", "a\n", &format!("{longest}x")] {
        assert!(RequestId::new(id).is_err(), "{id:?}");
    }
}

#[track_caller]
fn check_time(text: &str, expected: &str) {
    let time = UnixMillis::parse(text).map(|time| time.to_string());
    assert_eq!(time.as_deref(), Ok(expected), "{text}");
}

#[test]
fn times_are_iso_8601_and_utc_without_an_offset() {
    check_time("2026-01-30T10:30:00Z", "2026-01-30T10:30:00.000Z");
    check_time("2026-01-30T10:30:00.123456Z", "2026-01-30T10:30:00.123Z");
    check_time("2026-01-30T10:30:00", "2026-01-30T10:30:00.000Z");
    check_time("2026-01-30 10:30:00", "2026-01-30T10:30:00.000Z");
    check_time("2026-01-30T10:30:00+05:30", "2026-01-30T05:00:00.000Z");
    check_time("2026-01-30T10:30:00-08:00", "2026-01-30T18:30:00.000Z");
    check_time("2026-01-30", "2026-01-30T00:00:00.000Z");
    check_time(" 2026-01-30T10:30:00Z ", "2026-01-30T10:30:00.000Z");
    check_time("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.000Z");
    check_time("9999-12-31", "9999-12-30T22:00:00.000Z");
    for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30", "10:30:00", "1769769000"] {
        assert!(UnixMillis::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_name_of_a_time_zone_takes_an_offset_beside_it() {
    check_time("2026-11-27T08:00:00+01:00[Europe/Berlin]", "2026-11-27T07:00:00.000Z");
    check_time("2026-11-27T08:00:00Z[Europe/Berlin]", "2026-11-27T08:00:00.000Z");
    for text in [
        "2026-11-27T08:00:00[Europe/Berlin]",
        "2026-11-27T08:00[Asia/Tokyo]",
        "2026-11-27 08:00:00.5[America/New_York]",
        "20261127T080000[Europe/Berlin]",
        "2026-11-27[Europe/Berlin]",
        "2026-11-27T08:00:00[UTC]",
    ] {
        assert_eq!(UnixMillis::parse(text), Err(TimeError::ZoneWithoutOffset), "{text}");
    }
    for text in
        ["2026-11-27T08:00:00-26:00", "2026-11-27T08:00:00+26:00", "2026-11-27T08:00:00 Europe/Berlin"]
    {
        assert_eq!(UnixMillis::parse(text), Err(TimeError::NoTime), "{text}");
    }
}

#[test]
fn a_time_beyond_all_dates_still_prints() {
    assert_eq!(UnixMillis(i64::MAX).to_string(), i64::MAX.to_string());
}
