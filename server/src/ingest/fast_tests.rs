use super::*;
use log_center_wire::Record;
use proptest::prelude::*;
use proptest::sample::select;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

const GOOD: &str = r#"{"v":1,"level":50,"name":"pay","hostname":"pay-1","pid":7,"time":"2026-09-21T13:46:40.000Z","msg":"refused","req_id":"r1","span_id":"00f067aa0ba902b7","parent_id":"","uid":"7","rrdid":"d","d":{"url":"/charges/7?a=b","ip":"10.0.0.1","ua":"curl","x":[1]},"scope":"visit","event":"client-res","environment":"production","version":"2","commit_hash":"c0ffee","tm":12.5,"extra":"status=500 route=/charges method=POST","err":{"msg":"no","stack":"a\nb","type":"T","file_path":"f.rs","line_number":3},"service_req":{"host":"h","path":"/p/12","payload":"{}"},"service_res":{"http_code":200,"tm":1,"body":"b","err":""},"perf":{"rss":1,"cpu":0.5},"event_id":"e1","order":5,"note":"\u00e9"}"#;

fn identity() -> Identity {
    Identity([7; 16])
}

/// What is read in one pass is what the closer look gives.
fn check(line: &str) -> Result<bool, TestCaseError> {
    let Some(event) = record(line.as_bytes(), NOW, identity) else { return Ok(false) };
    let looked = Record::decode(line.as_bytes());
    prop_assert!(looked.is_ok(), "{line} is refused: {looked:?}");
    prop_assert_eq!(&event, &super::super::record(looked.unwrap(), NOW, identity), "{}", line);
    Ok(true)
}

#[test]
fn an_ordinary_record_takes_one_pass() {
    assert!(check(GOOD).unwrap());
    assert!(check(r#"{"name":"a","level":30,"time":"2026-09-21T13:46:40Z","msg":""}"#).unwrap());
}

/// Values of every type, and such as are a little off.
fn value() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e3",
        "256",
        "65536",
        "4294967296",
        "18446744073709551616",
        "01",
        "+1",
        ".5",
        "\"\"",
        "\" \"",
        "\"a b\"",
        r#""a\nb""#,
        r#""\ud83d""#,
        r#""\ud83d\ude00""#,
        "\"\u{0}\"",
        "\"\u{1f600}\"",
        r#""\/\u0041""#,
        "{}",
        "[]",
        "[[1]]",
        r#"{"a":1}"#,
        r#"{"url":"/a/12","url":"/b"}"#,
        r#"{"msg":"m","file_path":"f"}"#,
        r#"{"msg":"m","stack":"  at f (x.js:1:2)"}"#,
        r#"{"type":"","file_path":"f"}"#,
        r#"{"rss":1,"cpu":-1}"#,
        r#"{"rss":1}"#,
        r#"{"http_code":70000}"#,
        r#"{"tm":-0.0}"#,
        r#"{"host":"h","path":"/x/7","payload":{"a":1}}"#,
        "\"2026-09-21T13:46:40.123Z\"",
        "\"2026-09-21\"",
        "\"1970-01-01T00:00:00Z\"",
        "1790000000000",
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
        "",
        "k\\u0065y",
        "msg\\u0000",
    ]);
    known.prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn members_of_any_kind_mean_the_same(members in prop::collection::vec((key(), value()), 0..4), first in any::<bool>()) {
        let members: String = members.iter().map(|(key, value)| format!("\"{key}\":{value},")).collect();
        let base = r#""name":"a","level":30,"time":"2026-09-21T13:46:40Z","msg":"m""#;
        let line = match first {
            true => format!("{{{members}{base}}}"),
            false => format!("{{{base},{}}}", members.trim_end_matches(',')),
        };
        check(&line)?;
    }

    #[test]
    fn damaged_records_are_not_read(at in 0..GOOD.len(), to in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = GOOD.as_bytes().to_vec();
        if cut { bytes.truncate(at) } else { bytes[at] = to }
        if let Ok(line) = String::from_utf8(bytes.clone()) {
            check(&line)?;
        } else {
            prop_assert!(record(&bytes, NOW, identity).is_none(), "not UTF-8");
        }
    }
}
