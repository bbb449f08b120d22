//! Times in the form in which this API writes them (`2026-11-27T09:00:00.000Z`), where ClickHouse by itself reads or writes others.

use log_center_wire::UnixMillis;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How a refusal of ClickHouse begins and goes on that compares a time with a text it cannot read.
const CANNOT_CONVERT: &str = "Cannot convert string '";
const TO_TIME: &str = "' to type DateTime";

/// The statement with the text that ClickHouse refused for a time read as such, if it is a time of ours; `None` if it is none.
pub(super) fn with_read_time(sql: &str, exception: &str) -> Option<String> {
    let (_, rest) = exception.split_once(CANNOT_CONVERT)?;
    let (text, _) = rest.split_once(TO_TIME)?;
    if !is_iso(text) {
        return None;
    }
    let read = format!("parseDateTime64BestEffort('{text}', 3, 'UTC')");
    let bare = format!("'{text}'");
    // What was replaced before stays as it is.
    let kept = "\u{0}";
    let replaced = sql.replace(&read, kept).replace(&bare, &read).replace(kept, &read);
    (replaced != sql).then_some(replaced)
}

/// A text with the value of a parameter, as the placeholder of a time in the statement reads it: as a number of seconds, which is the same
/// in every time zone. `None` if the placeholder is of another type, or the text is no time of ours.
pub(super) fn as_parameter(sql: &str, name: &str, text: &str) -> Option<String> {
    let r#type = placeholder_type(sql, name)?;
    let is_precise = r#type.contains("DateTime64");
    if !r#type.contains("DateTime") || !is_iso(text) {
        return None;
    }
    let ms = UnixMillis::parse(text).ok()?.0;
    if !is_precise {
        return Some(ms.div_euclid(1000).to_string());
    }
    let sign = if ms < 0 { "-" } else { "" };
    Some(format!("{sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000))
}

/// The type in `{name:Type}`.
fn placeholder_type<'a>(sql: &'a str, name: &str) -> Option<&'a str> {
    let inside = sql.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(inside, _)| inside);
    let typed = inside.filter_map(|inside| inside.split_once(':'));
    typed.into_iter().find(|(known, _)| known.trim() == name).map(|(_, r#type)| r#type.trim())
}

/// Whether a text is a date and a time of day with a `T` between them.
fn is_iso(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte));
    is_plain && text.as_bytes().get(10) == Some(&b'T') && UnixMillis::parse(text).is_ok()
}

/// A column of a statement, as DESCRIBE tells it.
#[derive(Deserialize)]
pub(super) struct Described {
    name: String,
    r#type: String,
}

/// The statement that tells the columns of another one.
pub(super) fn describe(sql: &str) -> String {
    format!("DESCRIBE ({}\n)", inner(sql))
}

/// The statement with each `DateTime` as a `DateTime64(0)`, which is a timestamp in Arrow; a `DateTime` is a number there. `None` if there
/// is none, or its name does not tell which it is.
pub(super) fn with_timestamps(sql: &str, columns: &[Described]) -> Option<String> {
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if names.len() < columns.len() {
        return None;
    }
    let times = columns.iter().filter(|column| is_date_time(&column.r#type));
    let replaced: Vec<String> = times
        .map(|column| {
            let name = column.name.replace('\\', "\\\\").replace('`', "\\`");
            format!("toDateTime64(`{name}`, 0) AS `{name}`")
        })
        .collect();
    let sql = inner(sql);
    (!replaced.is_empty()).then(|| format!("SELECT * REPLACE ({}) FROM ({sql}\n)", replaced.join(", ")))
}

fn is_date_time(r#type: &str) -> bool {
    let bare = r#type.strip_prefix("LowCardinality(").unwrap_or(r#type);
    let bare = bare.strip_prefix("Nullable(").unwrap_or(bare);
    bare.starts_with("DateTime") && !bare.starts_with("DateTime64")
}

/// The statement as it can stand in parentheses.
fn inner(sql: &str) -> &str {
    sql.trim_end_matches(|character: char| character.is_whitespace() || character == ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_refused_is_read() {
        let said =
            "Cannot convert string '2026-11-27T09:00:00Z' to type DateTime64(3, 'UTC'). (TYPE_MISMATCH)";
        let read = "parseDateTime64BestEffort('2026-11-27T09:00:00Z', 3, 'UTC')";
        let sql = "SELECT 1 FROM events WHERE time > '2026-11-27T09:00:00Z'";
        assert_eq!(with_read_time(sql, said), Some(format!("SELECT 1 FROM events WHERE time > {read}")));
        // Nothing is left to be done the second time.
        assert_eq!(with_read_time(&with_read_time(sql, said).unwrap(), said), None);
        for text in
            ["yesterday", "2026-11-27", "2026-11-27T99:00:00Z", "2026-11-27 09:00:00", "x') OR ('1'='1T"]
        {
            let said = said.replace("2026-11-27T09:00:00Z", text);
            assert_eq!(with_read_time(&format!("SELECT '{text}'"), &said), None, "{text}");
        }
        assert_eq!(with_read_time(sql, "Cannot convert string 'a' to type UInt8"), None);
    }

    #[track_caller]
    fn check(placeholder: &str, text: &str, expected: Option<&str>) {
        let sql = format!("SELECT {{a:String}}, {{ t : {placeholder} }}");
        assert_eq!(as_parameter(&sql, "t", text).as_deref(), expected, "{placeholder} {text}");
    }

    #[test]
    fn a_parameter_is_read_as_its_placeholder_says() {
        check("DateTime64(3)", "2026-11-27T09:00:00.123Z", Some("1795770000.123"));
        check("Nullable(DateTime64(3, 'Asia/Tokyo'))", "2026-11-27T10:00:00+01:00", Some("1795770000.000"));
        check("DateTime", "2026-11-27T09:00:00.999Z", Some("1795770000"));
        check("Array(DateTime)", "2026-11-27T09:00:00Z", Some("1795770000"));
        check("DateTime64(3)", "1969-12-31T23:59:54.500Z", Some("-5.500"));
        check("DateTime64(3)", "2026-11-27 09:00:00.123", None);
        check("String", "2026-11-27T09:00:00.123Z", None);
        check("Date", "2026-11-27T09:00:00.123Z", None);
        check("DateTime", "yesterday", None);
    }

    #[test]
    fn a_time_of_a_second_is_a_timestamp() {
        let columns = |types: &[&str]| -> Vec<Described> {
            let column = |(number, r#type): (usize, &&str)| Described {
                name: format!("c{number}"),
                r#type: (*r#type).to_owned(),
            };
            types.iter().enumerate().map(column).collect()
        };
        let found = with_timestamps(
            "SELECT 1; ",
            &columns(&["UInt8", "DateTime('UTC')", "Nullable(DateTime)", "DateTime64(3)"]),
        );
        let expected = "SELECT * REPLACE (toDateTime64(`c1`, 0) AS `c1`, toDateTime64(`c2`, 0) AS `c2`) FROM (SELECT 1\n)";
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(
            with_timestamps("SELECT 1", &columns(&["String", "Date", "DateTime64(3)", "Array(DateTime)"])),
            None
        );
        let twice = [Described { name: "a`".to_owned(), r#type: "DateTime".to_owned() }];
        assert!(with_timestamps("SELECT 1", &twice).unwrap().contains("`a\\``"));
    }
}
