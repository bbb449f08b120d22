//! What other programs write, a row of cases for each kind: nothing but a record without its four fields is refused.

use log_center_wire::decode::ErrorCode::{self, *};
use log_center_wire::{Fingerprint, Record};
use serde_json::{Value, json};

const BASE: &str = r#""name":"p","level":50,"time":"2026-01-30T10:30:00Z","msg":"m""#;

/// A record with these members besides the four.
fn line(members: &str) -> String {
    format!("{{{BASE},{members}}}")
}

#[track_caller]
fn read(line: &str) -> Record<'static> {
    let line: &'static str = String::leak(line.to_owned());
    Record::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn attributes(record: &Record<'_>) -> Value {
    if record.attributes.is_empty() { json!({}) } else { serde_json::from_str(&record.attributes).unwrap() }
}

#[track_caller]
fn keeps(members: &str, expected: Value) {
    assert_eq!(attributes(&read(&line(members))), expected, "{members}");
}

#[test]
fn a_member_of_another_kind_is_kept_whole_under_its_own_path() {
    for (members, expected) in [
        (r#""err":{"stack":["a","b"]}"#, json!({"err": {"stack": ["a", "b"]}})),
        (r#""err":{"stack":[1]}"#, json!({"err": {"stack": [1]}})),
        (r#""err":{"stack":{"frames":[]}}"#, json!({"err": {"stack": {"frames": []}}})),
        (r#""err":[{"message":"m"}]"#, json!({"err": [{"message": "m"}]})),
        (r#""err":true"#, json!({"err": true})),
        (r#""err":{"message":{"code":5}}"#, json!({"err": {"message": {"code": 5}}})),
        (r#""err":{"line_number":"x","file_path":"f"}"#, json!({"err": {"line_number": "x"}})),
        (r#""err":{"line_number":-1,"file_path":"f"}"#, json!({"err": {"line_number": -1}})),
        (r#""err":{"line_number":4}"#, json!({"err": {"line_number": 4}})),
        (r#""event":{}"#, json!({"event": {}})),
        (r#""event":{"kind":"x"},"scope":[]"#, json!({"event": {"kind": "x"}, "scope": []})),
        (r#""version":2"#, json!({"version": 2})),
        (r#""pid":"12""#, json!({"pid": "12"})),
        (r#""pid":1.5"#, json!({"pid": 1.5})),
        (r#""pid":4294967296"#, json!({"pid": 4_294_967_296u64})),
        (r#""uid":{"id":5}"#, json!({"uid": {"id": 5}})),
        (r#""req_id":[1],"rrdid":true"#, json!({"req_id": [1], "rrdid": true})),
        (r#""tm":-5"#, json!({"tm": -5})),
        (r#""tm":"5 ms""#, json!({"tm": "5 ms"})),
        (r#""d":"10.0.0.1""#, json!({"d": "10.0.0.1"})),
        (r#""d":{"ip":[1],"url":"/a"}"#, json!({"d": {"ip": [1]}})),
        (r#""service_res":{"http_code":70000,"tm":null}"#, json!({"service_res": {"http_code": 70000}})),
        (r#""service_req":[]"#, json!({"service_req": []})),
        (r#""perf":{"rss":-1,"cpu":1}"#, json!({"perf": {"rss": -1, "cpu": 1}})),
        (r#""perf":{"rss":1}"#, json!({"perf": {"rss": 1}})),
        (r#""perf":7"#, json!({"perf": 7})),
        (r#""v":"one""#, json!({"v": "one"})),
        (r#""event_id":"a b""#, json!({"event_id": "a b"})),
        (r#""event_id":"""#, json!({"event_id": ""})),
    ] {
        keeps(members, expected);
    }
    let long = "x".repeat(129);
    keeps(&format!(r#""event_id":"{long}""#), json!({ "event_id": long }));
}

#[test]
fn what_can_be_understood_all_the_same_is_in_its_field_too() {
    let record = read(&line(
        r#""pid":"12","version":2,"tm":"1.5","err":{"type":"T","file_path":"f","line_number":"7"}"#,
    ));
    assert_eq!((record.pid, &*record.version, record.tm), (12, "2", Some(1.5)));
    assert_eq!(record.fingerprint(), Some(Fingerprint::new("p", "T", "f", 7)));
    // Lines of a stack tell the place.
    let record = read(&line(r#""err":{"name":"T","stack":["T: no","    at f (/srv/a.js:3:4)\n"]}"#));
    assert_eq!(record.fingerprint(), Some(Fingerprint::new("p", "T", "/srv/a.js", 3)));
    assert_eq!(record.err.unwrap().stack, "T: no\n    at f (/srv/a.js:3:4)");
    for (level, number) in
        [("\"info\"", 30), ("\"WARNING\"", 40), ("\"50\"", 50), ("30.0", 30), ("1000", 255)]
    {
        let record = read(&format!(r#"{{"name":1,"level":{level},"time":0,"msg":true}}"#));
        assert_eq!((&*record.name, record.level, &*record.msg), ("1", number, "true"));
    }
}

#[test]
fn a_long_text_is_cut_at_a_character_and_the_cut_is_told() {
    for (key, limit, unit) in [
        ("hostname", 255, "x"),
        ("scope", 128, "é"),
        ("event", 128, "😀"),
        ("version", 128, "x"),
        ("commit_hash", 128, "ü"),
        ("environment", 64, "é"),
        ("uid", 256, "é"),
        ("req_id", 256, "x"),
        ("name", 128, "x"),
    ] {
        let long = format!("x{}", unit.repeat(limit));
        let text = format!(r#"{{"name":"p","level":30,"time":0,"msg":"m","{key}":"{long}"}}"#);
        let record = read(&text);
        let kept = match key {
            "hostname" => &record.hostname,
            "scope" => &record.scope,
            "event" => &record.event,
            "version" => &record.version,
            "commit_hash" => &record.commit_hash,
            "environment" => &record.environment,
            "uid" => &record.uid,
            "req_id" => &record.req_id,
            _ => &record.name,
        };
        assert!(
            long.starts_with(kept.as_ref()) && (limit - 3..=limit).contains(&kept.len()),
            "{key}: {kept}"
        );
        assert_eq!(attributes(&record), json!({"cut": {key: long.len()}}), "{key}");
    }
    let long = "E".repeat(600);
    let record = read(&line(&format!(r#""err":{{"type":"{long}"}},"a":1"#)));
    assert_eq!(record.err.as_ref().unwrap().error_type.len(), 512);
    assert_eq!(attributes(&record), json!({"a": 1, "cut": {"err.type": 600}}));
    // A member of the program's own that has this name is not lost.
    keeps(r#""cut":"own""#, json!({"cut": "own"}));
    keeps(&format!(r#""cut":[1],"uid":"{long}""#), json!({"cut": {"uid": 600, "own": [1]}}));
}

#[test]
fn unknown_keys_are_kept_in_every_object() {
    for (members, expected) in [
        (
            r#""err":{"message":"m","code":"E1","cause":{"message":"c"},"aggregateErrors":[{"message":"a"}]}"#,
            json!({"err": {"code": "E1", "cause": {"message": "c"}, "aggregateErrors": [{"message": "a"}]}}),
        ),
        (
            r#""err":{"type":"T","name":"N","msg":"a","message":"b"}"#,
            json!({"err": {"name": "N", "message": "b"}}),
        ),
        (r#""err":{"type":"T","name":"T","msg":"a","message":"a"}"#, json!({})),
        (r#""d":{"url":"/","referrer":"https://x"}"#, json!({"d": {"referrer": "https://x"}})),
        (r#""service_req":{"host":"h","method":"GET"}"#, json!({"service_req": {"method": "GET"}})),
        (r#""service_res":{"headers":{"a":"b"}}"#, json!({"service_res": {"headers": {"a": "b"}}})),
        (r#""perf":{"rss":1,"cpu":2,"heap":3}"#, json!({"perf": {"heap": 3}})),
        (r#""order":{"lines":[{"sku":1}]}"#, json!({"order": {"lines": [{"sku": 1}]}})),
    ] {
        keeps(members, expected);
    }
    assert_eq!(read(&line(r#""perf":{"rss":1,"cpu":2,"heap":3}"#)).perf.unwrap().rss, 1);
}

#[test]
fn attributes_are_json_that_everybody_reads() {
    for (members, expected) in [
        (r#""order":"A7","wei":20000000000000000001"#, r#"{"order":"A7","wei":"20000000000000000001"}"#),
        (
            r#""a":[-9223372036854775809,1e999,18446744073709551615]"#,
            r#"{"a":["-9223372036854775809","1e999",18446744073709551615]}"#,
        ),
        (r#""a":{"b":1,"c":{"d":1,"d":2},"b":3}"#, r#"{"a":{"c":{"d":2},"b":3}}"#),
        (r#""half":"a\ud83d","\udc00":"\ud83d\ude00""#, "{\"half\":\"a\u{fffd}\",\"\u{fffd}\":\"😀\"}"),
        (r#""t":"M\u00fcller","p":"C:\\temp \"x\" \/cart""#, r#"{"t":"Müller","p":"C:\\temp \"x\" /cart"}"#),
    ] {
        assert_eq!(read(&line(members)).attributes, expected, "{members}");
    }
}

/// Passing over a value took a stack frame for each of its levels, and one such record ended the server.
#[test]
fn a_member_that_nests_a_hundred_thousand_deep_is_kept_as_a_text() {
    for (open, close) in [("[", "]"), (r#"{"x":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for key in ["a", "hostname", "pid", "tm", "d", "err", "service_req", "perf", "event_id", "v"] {
            let record = read(&line(&format!(r#""{key}":{deep}"#)));
            let kept = attributes(&record).to_string();
            assert!(kept.starts_with(&format!(r#"{{"{key}":{open}{open}"#)), "{key}: {kept:.80}");
        }
        for key in ["name", "level", "time", "msg"] {
            refused(&line(&format!(r#""{key}":{deep}"#)), WrongType, Some(key));
        }
        let record = read(&line(&format!(r#""extra":{deep},"service_res":{{"body":{deep}}}"#)));
        assert_eq!(record.service_res.body, deep);
        refused(&line(&format!(r#""a":{}"#, open.repeat(100_000))), MalformedJson, None);
    }
}

#[test]
fn of_a_key_that_comes_twice_the_last_one_counts_everywhere() {
    let record = read(&line(
        r#""uid":"old","cart":"old","err":{"type":"Old","msg":"old","type":"New","msg":"new"},"d":{"ip":"1","ip":"2"},"extra":{"a":1,"a":2},"pid":"x","pid":5,"uid":"new","cart":"new","msg":"last""#,
    ));
    assert_eq!((&*record.uid, &*record.msg, &*record.client.ip), ("new", "last", "2"));
    assert_eq!((&*record.extra, record.pid), ("a=2", 5));
    let err = record.err.as_ref().unwrap();
    assert_eq!((&*err.error_type, &*err.msg), ("New", "new"));
    assert_eq!(record.attributes, r#"{"cart":"new"}"#);
    let many: String = (0..100).map(|n| format!(r#""k{}":{n},"#, n % 50)).collect();
    let record = read(&line(many.trim_end_matches(',')));
    let kept = attributes(&record);
    assert_eq!((kept.as_object().unwrap().len(), &kept["k0"], &kept["k49"]), (50, &json!(50), &json!(99)));
}

#[test]
fn what_is_no_number_is_a_text() {
    for (members, expected) in [
        (
            r#""load":NaN,"max":Infinity,"min":-Infinity"#,
            json!({"load": "NaN", "max": "Infinity", "min": "-Infinity"}),
        ),
        (r#""tm":NaN,"pid":Infinity"#, json!({"tm": "NaN", "pid": "Infinity"})),
        (
            r#""a":[1,NaN,{"b":-Infinity}],"text":"NaN, \"NaN\" Infinity""#,
            json!({"a": [1, "NaN", {"b": "-Infinity"}], "text": "NaN, \"NaN\" Infinity"}),
        ),
        (r#""perf":{"rss":1,"cpu":NaN}"#, json!({"perf": {"rss": 1, "cpu": "NaN"}})),
        (r#""c":-nan,"d":inf"#, json!({"c": "-nan", "d": "inf"})),
    ] {
        keeps(members, expected);
    }
    refused(&line(r#""a":NaNs"#), MalformedJson, None);
    refused(&line(r#""a":NaN NaN"#), MalformedJson, None);
}

#[test]
fn what_stands_around_a_record_is_nothing() {
    let good = line(r#""a":"b""#);
    for around in [
        format!("\u{feff}{good}"),
        format!("{}{good}", "\0".repeat(4096)),
        format!("{good}\0\0\r\n"),
        format!(" \t\u{feff}\0 {good} \u{feff} "),
        format!("\u{1e}{good}"),
        good.replace(',', "\0,\u{feff}"),
    ] {
        assert_eq!(read(&around).attributes, r#"{"a":"b"}"#, "{around:?}");
    }
}

#[test]
fn a_text_of_other_bytes_costs_the_record_nothing() {
    for (text, expected) in [
        (&b"caf\xe9"[..], "caf\u{fffd}"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        (b"a\tb", "a\tb"),
        (b"\xc3", "\u{fffd}"),
    ] {
        let line =
            [br#"{"name":"p","level":30,"time":0,"msg":""#, text, br#"","a":""#, text, br#""}"#].concat();
        let record = Record::decode(&line).unwrap();
        assert_eq!(record.msg, expected);
        assert_eq!(attributes(&record), json!({ "a": expected }));
    }
}

#[test]
fn a_time_may_be_a_number_of_any_unit() {
    for (time, expected) in [
        ("1769769000", "2026-01-30T10:30:00.000Z"),
        ("1769769000.25", "2026-01-30T10:30:00.250Z"),
        ("1769769000.1239", "2026-01-30T10:30:00.123Z"),
        ("1769769000123", "2026-01-30T10:30:00.123Z"),
        ("1769769000123.9", "2026-01-30T10:30:00.123Z"),
        ("1769769000123456", "2026-01-30T10:30:00.123Z"),
        ("1769769000123456789", "2026-01-30T10:30:00.123Z"),
        ("1.769769e9", "2026-01-30T10:30:00.000Z"),
        ("1.769769000123E12", "2026-01-30T10:30:00.123Z"),
        ("\"1769769000\"", "2026-01-30T10:30:00.000Z"),
        ("\"1769769000.5\"", "2026-01-30T10:30:00.500Z"),
        ("0", "1970-01-01T00:00:00.000Z"),
        ("-1.5", "1969-12-31T23:59:58.500Z"),
        ("\"2026-01-30 10:30:00,123\"", "2026-01-30T10:30:00.123Z"),
        ("\"2026-01-30T11:30:00+01:00[Europe/Berlin]\"", "2026-01-30T10:30:00.000Z"),
    ] {
        let record = read(&format!(r#"{{"name":"p","level":30,"msg":"m","time":{time}}}"#));
        assert_eq!(record.time.to_string(), expected, "{time}");
    }
}

#[track_caller]
fn refused(line: &str, code: ErrorCode, field: Option<&str>) -> String {
    let error = Record::decode(line.as_bytes()).expect_err("accepted");
    assert_eq!((error.code(), error.field()), (code, field), "{error}: {line}");
    for word in ["u8", "u16", "u32", "u64", "i64", "f64", "enum", "struct", "variant", "Raw"] {
        let is_word = error.message().split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
        assert!(!is_word, "{error}: a word of the program");
    }
    error.message().to_owned()
}

#[test]
fn only_what_lacks_one_of_the_four_is_refused_and_in_plain_words() {
    for (members, code, field, message) in [
        (r#""name":null"#, MissingField, "name", "name is required"),
        (r#""name":" ""#, InvalidValue, "name", "name must not be empty"),
        (r#""name":{}"#, WrongType, "name", "name must be a string, is an object"),
        (r#""msg":[]"#, WrongType, "msg", "msg must be a string, is an array"),
        (r#""msg":null"#, MissingField, "msg", "msg is required"),
        (
            r#""level":[]"#,
            WrongType,
            "level",
            "level must be a whole number from 1 to 255, or the name of a level, is an array",
        ),
        (
            r#""level":"loud""#,
            InvalidValue,
            "level",
            "level must be a whole number from 1 to 255, or the name of a level",
        ),
        (
            r#""level":0"#,
            InvalidValue,
            "level",
            "level must be a whole number from 1 to 255, or the name of a level",
        ),
        (
            r#""level":1.5"#,
            InvalidValue,
            "level",
            "level must be a whole number from 1 to 255, or the name of a level",
        ),
        (
            r#""level":NaN"#,
            InvalidValue,
            "level",
            "level must be a whole number from 1 to 255, or the name of a level",
        ),
        (
            r#""time":true"#,
            WrongType,
            "time",
            "time must be an ISO 8601 time, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, is a boolean",
        ),
        (
            r#""time":1e300"#,
            InvalidValue,
            "time",
            "time must be an ISO 8601 time, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, none beyond the year 9999",
        ),
        (r#""time":"now""#, InvalidValue, "time", "time must be an ISO 8601 time, e.g. 2026-01-30T10:30:00Z"),
        (
            r#""time":"2026-11-27T08:00:00[Europe/Berlin]""#,
            InvalidValue,
            "time",
            "time must give the offset from UTC beside the name of a time zone, e.g. 2026-01-30T10:30:00+01:00[Europe/Berlin]",
        ),
    ] {
        assert_eq!(refused(&line(members), code, Some(field)), message);
    }
    for (line, code) in [
        ("", MalformedJson),
        ("nonsense", MalformedJson),
        ("{", MalformedJson),
        ("{\"a\":1,}", MalformedJson),
        ("{'a':1}", MalformedJson),
        ("[1]", WrongType),
        ("5", WrongType),
        ("\"x\"", WrongType),
        ("null", WrongType),
    ] {
        refused(line, code, None);
    }
}
