use log_center_wire::decode::ErrorCode;
use log_center_wire::{Fingerprint, Record};
use proptest::prelude::*;
use serde_json::{Value, json};

#[track_caller]
fn decode(line: &str) -> Record<'_> {
    Record::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_record_of_the_specification() {
    let record = decode(
        r#"{"v":1,"level":20,"name":"shop","hostname":"h1","pid":7,"time":"2026-01-30T10:30:00.123Z","msg":"user login",
        "scope":"visit","event":"trace","rrdid":"r","req_id":"some-uuid","uid":"u1","d":{"url":"/a?b","ip":"10.1.1.1",
        "ua":"x"},"tm":500,"extra":"mobile=1 code=2","service_req":{"host":"pay","path":"/p","payload":"{}"},
        "service_res":{"http_code":200,"tm":100.5,"body":"","err":""},"perf":{"rss":1024,"cpu":12.5},
        "span_id":"00f067aa0ba902b7","parent_id":"","environment":"Production","version":"1","commit_hash":"c"}"#,
    );
    assert_eq!((&*record.name, record.level, record.pid), ("shop", 20, 7));
    assert_eq!(record.time.to_string(), "2026-01-30T10:30:00.123Z");
    assert_eq!((&*record.scope, &*record.event), ("visit", "trace"));
    assert_eq!(record.client.url, "/a?b");
    assert_eq!(record.tm, Some(500.0));
    assert_eq!(record.service_res.http_code, Some(200));
    assert_eq!(record.service_res.tm, Some(100.5));
    assert_eq!(record.perf.map(|perf| (perf.rss, perf.cpu)), Some((1024, 12.5)));
    assert_eq!(record.environment, "production");
    assert_eq!(record.attributes, "");
    assert_eq!(record.fingerprint(), None);
}

#[test]
fn four_fields_are_enough() {
    let record = decode(r#"{"name":"a","level":30,"time":"2026-01-30T10:30:00Z","msg":""}"#);
    assert_eq!((record.pid, record.tm, record.err), (0, None, None));
}

#[test]
fn unknown_keys_are_kept() {
    let record =
        decode(r#"{"name":"a","level":30,"time":0,"msg":"m","component":"db","n":{"x":[1,2]},"q\"":null}"#);
    let kept: Value = serde_json::from_str(&record.attributes).unwrap();
    assert_eq!(kept, json!({"component": "db", "n": {"x": [1, 2]}, "q\"": null}));
}

#[test]
fn errors_of_other_loggers_are_understood() {
    let base = json!({"name": "web", "level": 50, "time": "2026-01-30T10:30:00Z", "msg": "failed"});
    let python = "Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\n    f()\n  \
        File \"lib/f.py\", line 9, in f\n    1/0\nZeroDivisionError: division by zero";
    let rust = "   0: shop::pay\n             at ./src/pay.rs:10:5\n   1: shop::main\n             at ./src/main.rs:3:1";
    let java = "java.lang.IllegalStateException: no\n\tat com.acme.Pay.run(Pay.java:10)\n\tat com.acme.Main.main(Main.java:3)";
    for (err, kind, path, line_number, msg) in [
        (
            json!({"message": "x is not a function", "name": "TypeError",
                "stack": "TypeError: x is not a function\n    at f (/app/index.js:10:5)\n    at /app/b.js:1:1"}),
            "TypeError",
            "/app/index.js",
            10,
            "x is not a function",
        ),
        (
            json!({"type": "Error", "message": "m", "stack": "Error: m\n    at file:///app/x.mjs:7:1"}),
            "Error",
            "file:///app/x.mjs",
            7,
            "m",
        ),
        (
            json!({"msg": "division by zero", "type": "ZeroDivisionError", "stack": python}),
            "ZeroDivisionError",
            "lib/f.py",
            9,
            "division by zero",
        ),
        (json!({"msg": "m", "stack": rust}), "Error", "./src/pay.rs", 10, "m"),
        (
            json!({"msg": "m", "name": "java.lang.IllegalStateException", "stack": java}),
            "java.lang.IllegalStateException",
            "Pay.java",
            10,
            "m",
        ),
        (json!({"msg": "m", "stack": "nothing readable"}), "Error", "unknown", 0, "m"),
        (
            json!({"msg": "m", "type": "T", "file_path": "a.rs", "line_number": 5, "stack": python}),
            "T",
            "a.rs",
            5,
            "m",
        ),
        (json!("just a text"), "Error", "unknown", 0, "just a text"),
    ] {
        let mut line = base.clone();
        line["err"] = err;
        let line = line.to_string();
        let record = decode(&line);
        let found = record.err.as_ref().unwrap();
        let place = (&*found.error_type, &*found.file_path, found.line_number);
        assert_eq!(place, (kind, path, line_number), "{line}");
        assert_eq!(found.msg, msg);
        assert_eq!(record.fingerprint(), Some(Fingerprint::new("web", kind, path, line_number)));
    }
}

#[test]
fn below_error_nothing_is_an_occurrence() {
    let record = decode(r#"{"name":"a","level":40,"time":0,"msg":"m","err":{"msg":"x"}}"#);
    assert!(record.err.is_some());
    assert_eq!(record.fingerprint(), None);
}

#[test]
fn pino_writes_milliseconds() {
    let record = decode(r#"{"level":30,"time":1769769000123,"pid":1,"hostname":"h","name":"a","msg":"m"}"#);
    assert_eq!(record.time.to_string(), "2026-01-30T10:30:00.123Z");
}

#[test]
fn a_missing_field_is_named() {
    let base = json!({"name": "a", "level": 30, "time": "2026-01-30T10:30:00Z", "msg": "m"});
    for field in ["name", "level", "time", "msg"] {
        let mut line = base.clone();
        line.as_object_mut().unwrap().remove(field);
        let error = Record::decode(line.to_string().as_bytes()).expect_err("accepted");
        assert_eq!((error.code(), error.field()), (ErrorCode::MissingField, Some(field)));
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        _ = Record::decode(&line);
    }

    #[test]
    fn texts_and_unknown_keys_read_back(msg in ".*", key in "[a-z]{20}", value in ".*", level in 1u8..) {
        let line = json!({"name": "a", "level": level, "time": 0, "msg": msg, key.as_str(): value});
        let line = line.to_string();
        let record = decode(&line);
        prop_assert_eq!(&*record.msg, msg);
        let kept: Value = serde_json::from_str(&record.attributes).unwrap();
        prop_assert_eq!(&kept[&key], &json!(value));
    }
}

#[test]
fn extra_may_be_an_object() {
    #[track_caller]
    fn check(extra: &str, expected: &str) {
        let line =
            format!(r#"{{"name":"n","level":30,"time":"2026-01-30T10:30:00Z","msg":"m","extra":{extra}}}"#);
        let record = Record::decode(line.as_bytes()).unwrap();
        assert_eq!((&*record.extra, &*record.attributes), (expected, ""));
    }
    check(r#""sku=7 note=\"two left\"""#, r#"sku=7 note="two left""#);
    check(
        r#"{"sku":7,"note":"two left","ok":true,"none":null}"#,
        r#"sku=7 note="two left" ok=true none=null"#,
    );
    check(
        r#"{ "a b=\"" : {"c": [1, "d"]}, "":"" , "e":"\u00e9\n\\" }"#,
        r#"a_b__="{\"c\": [1, \"d\"]}" _="" e="é\n\\""#,
    );
    check("{}", "");
    check("null", "");
    check("7", "7");
    check("[1]", "[1]");
}
