//! The two ways to read a record hold together, and what neither refuses is kept.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

const GOOD: &str = r#"{"v":1,"level":50,"name":"pay","hostname":"pay-1","pid":7,"time":"2026-09-21T13:46:40.000Z","msg":"refused","req_id":"r1","span_id":"00f067aa0ba902b7","parent_id":"","uid":"7","rrdid":"d","d":{"url":"/charges/7?a=b","ip":"10.0.0.1","ua":"curl"},"scope":"visit","event":"client-res","environment":"production","version":"2","commit_hash":"c0ffee","tm":12.5,"extra":"status=500 route=/charges method=POST","err":{"msg":"no\u00e9","stack":"a\nb","type":"T","file_path":"f.rs","line_number":3},"service_req":{"host":"h","path":"/p/12","payload":"{}"},"service_res":{"http_code":200,"tm":1,"body":"b","err":""},"perf":{"rss":1,"cpu":0.5},"event_id":"e1","order":5,"note":"é","done":true}"#;

/// Whether the quick way takes it. If it does, the strict one has to say the same.
fn check(line: &[u8]) -> Result<bool, TestCaseError> {
    let Some(quick) = quick::read(line) else { return Ok(false) };
    let strict = Record::decode_strictly(line);
    let shown = String::from_utf8_lossy(line);
    prop_assert!(strict.is_ok(), "{shown} is refused: {strict:?}");
    prop_assert_eq!(&quick, &strict.unwrap(), "{}", shown);
    Ok(true)
}

#[test]
fn an_ordinary_record_takes_one_pass() {
    assert!(check(GOOD.as_bytes()).unwrap());
    assert!(check(br#"{"name":"a","level":30,"time":"2026-09-21T13:46:40Z","msg":""}"#).unwrap());
    assert!(
        check(br#"{"level":30,"time":1769769000123,"pid":1,"hostname":"h","name":"a","msg":"m"}"#).unwrap()
    );
}

/// Values of every type, and such as are a little off.
fn value() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "null",
        "true",
        "0",
        "-0",
        "-1",
        "1.5",
        "-0.0",
        "1e3",
        "1E-400",
        "1e400",
        "256",
        "65536",
        "4294967296",
        "20000000000000000001",
        "18446744073709551616",
        "1234567890123456",
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "-Infinity",
        "\"\"",
        "\" \"",
        "\"12\"",
        "\"a b\"",
        r#""a\nb""#,
        r#""\ud83d""#,
        r#""\ud83d\ude00""#,
        "\"\u{0}\"",
        "\"\t\"",
        "\"\u{1f600}\"",
        r#""\/\u0041""#,
        "{}",
        "[]",
        "[[1]]",
        "[\"a\",\"b\"]",
        r#"{"a":1}"#,
        r#"{"a":1,"a":[{"b":2,"b":3}]}"#,
        r#"{"url":"/a/12","url":"/b"}"#,
        r#"{"url":{"a":1},"referrer":"x"}"#,
        r#"{"msg":"m","file_path":"f"}"#,
        r#"{"msg":"m","stack":"  at f (x.js:1:2)","code":"E"}"#,
        r#"{"message":"m","name":"N","type":"T","stack":["at f (x.js:1:2)"]}"#,
        r#"{"type":"","file_path":"f"}"#,
        r#"{"type":"T","file_path":"f","line_number":"3"}"#,
        r#"{"rss":1,"cpu":-1}"#,
        r#"{"rss":1}"#,
        r#"{"rss":1,"cpu":2,"heap":3}"#,
        r#"{"http_code":70000}"#,
        r#"{"tm":-0.0}"#,
        r#"{"host":"h","path":"/x/7","payload":{"a":1}}"#,
        "\"2026-09-21T13:46:40.123Z\"",
        "\"2026-09-21\"",
        "\"2026-09-21T13:46:40[Europe/Berlin]\"",
        "\"1970-01-01T00:00:00Z\"",
        "1790000000000",
        "1790000000.25",
        "\"PROD\"",
        "tru",
        "\"",
        "\"status=404 route=\\\"/a b\\\" method=GET\"",
        "\"client-req\"",
        "\"client-res\"",
    ]);
    prop_oneof![
        4 => odd.prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        1 => (0usize..5000).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known = select(vec![
        "v",
        "name",
        "level",
        "time",
        "msg",
        "hostname",
        "pid",
        "scope",
        "event",
        "rrdid",
        "req_id",
        "uid",
        "d",
        "tm",
        "extra",
        "err",
        "service_req",
        "service_res",
        "perf",
        "span_id",
        "parent_id",
        "environment",
        "version",
        "commit_hash",
        "event_id",
        "batch",
        "cut",
        "",
        "k\\u0065y",
        "msg\\u0000",
        "half\\ud83d",
    ]);
    known.prop_map(str::to_owned)
}

/// Records: the four fields, and members of any kind before or behind them.
fn line() -> impl Strategy<Value = String> {
    (prop::collection::vec((key(), value()), 0..5), any::<bool>()).prop_map(|(members, first)| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let base = r#""name":"a","level":30,"time":"2026-09-21T13:46:40Z","msg":"m""#.to_owned();
        let all = match first {
            true => [members, vec![base]].concat(),
            false => [vec![base], members].concat(),
        };
        format!("{{{}}}", all.join(","))
    })
}

/// The four fields as a reader of JSON in JavaScript sees them: of a key that comes twice the last one.
fn has_the_four(record: &serde_json::Map<String, Value>) -> bool {
    let is_name = |name: &Value| match name {
        Value::String(name) => !name.trim().is_empty(),
        name => name.is_number(),
    };
    let is_level = |level: &Value| match level {
        Value::String(level) => level.parse::<Level>().is_ok() || level.trim().parse().is_ok_and(is_level),
        level => level.as_f64().is_some_and(is_level),
    };
    let is_time = |time: &Value| match time {
        Value::String(time) => UnixMillis::parse(time).is_ok() || UnixMillis::of_number(time.trim()).is_ok(),
        Value::Number(time) => UnixMillis::of_number(&time.to_string()).is_ok(),
        _ => false,
    };
    let is_msg = |msg: &Value| msg.is_string() || msg.is_number() || msg.is_boolean();
    let has = |key: &str, is_one: &dyn Fn(&Value) -> bool| record.get(key).is_some_and(is_one);
    has("name", &is_name) && has("level", &is_level) && has("time", &is_time) && has("msg", &is_msg)
}

fn is_level(number: f64) -> bool {
    number >= 1.0 && number.fract() == 0.0
}

/// Nothing is refused but what is no object or lacks one of the four, and what is kept is JSON.
fn check_whole(line: &[u8]) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(line);
    match Record::decode(line) {
        Ok(record) if record.attributes.is_empty() => {}
        Ok(record) => {
            let kept = serde_json::from_str::<Value>(&record.attributes);
            prop_assert!(kept.is_ok_and(|kept| kept.is_object()), "{shown} gives {}", record.attributes);
        }
        Err(error) => {
            if let Ok(Value::Object(record)) = serde_json::from_slice(line) {
                prop_assert!(!has_the_four(&record), "{shown} is refused: {error}");
            }
        }
    }
    check(line).map(|_| ())
}

/// How many random records of each kind; `LOG_CENTER_RANDOM_RECORDS` asks for more.
fn cases() -> u32 {
    std::env::var("LOG_CENTER_RANDOM_RECORDS").ok().and_then(|count| count.parse().ok()).unwrap_or(4_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn members_of_any_kind_mean_the_same(line in line()) {
        check_whole(line.as_bytes())?;
    }

    #[test]
    fn damaged_records_are_refused_for_what_they_lack(at in 0..GOOD.len(), to in any::<u8>(), cut in any::<bool>()) {
        let mut line = GOOD.as_bytes().to_vec();
        if cut { line.truncate(at) } else { line[at] = to }
        if std::str::from_utf8(&line).is_err() {
            prop_assert!(quick::read(&line).is_none(), "not UTF-8");
        }
        check_whole(&line)?;
    }
}
