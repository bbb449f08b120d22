use log_center_wire::decode::ErrorCode::{self, *};
use log_center_wire::{ErrorReport, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

fn example() -> Value {
    json!({
        "project_id": "rtc_backend",
        "environment": "production",
        "level": "ERROR",
        "timestamp": "2026-01-30T10:30:00Z",
        "version": "1.2.3",
        "commit_hash": "abc1234",
        "error": {
            "type": "ValueError",
            "message": "invalid literal",
            "file_path": "apps/users/views.py",
            "line_number": 42,
            "stack_trace": ["Traceback:\n", "  File \"x\"\n    y\n", "ValueError"]
        },
        "context": {"url": "/api/users/123", "user_id": "u_12345", "request_id": "req_abc123"}
    })
}

/// The example with one value replaced, or taken away.
fn with(path: &str, value: Option<Value>) -> Value {
    let mut report = example();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = report.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
    report
}

fn decode(report: &Value) -> Result<ErrorReport, log_center_wire::decode::DecodeError> {
    ErrorReport::decode(report.to_string().as_bytes())
}

#[test]
fn the_example_of_the_guide() {
    let report = decode(&example()).unwrap();
    assert_eq!(report.level, Level::Error);
    assert_eq!(report.timestamp.unwrap().to_string(), "2026-01-30T10:30:00.000Z");
    assert_eq!(report.stack_trace, ["Traceback:", "  File \"x\"", "    y", "ValueError"]);
    assert_eq!(report.user_id, "u_12345");
    assert_eq!(report.request_id.as_ref().unwrap().as_str(), "req_abc123");
    assert_eq!(report.fingerprint().to_string(), "c28b25b7d52420836670e6e071f446f4");
    assert_eq!(serde_json::from_str::<Value>(&report.context).unwrap(), example()["context"]);
}

#[test]
fn what_is_optional_may_be_missing_or_null() {
    for field in ["timestamp", "version", "commit_hash", "context", "event_id"] {
        for value in [None, Some(Value::Null)] {
            assert!(decode(&with(&format!("/{field}"), value)).is_ok(), "{field}");
        }
    }
}

#[test]
fn what_people_really_send_is_understood() {
    let report = decode(&with("/environment", Some(json!(" Staging-EU ")))).unwrap();
    assert_eq!(report.environment, "staging-eu");
    let report = decode(&with("/error/stack_trace", Some(json!("a\r\nb\n")))).unwrap();
    assert_eq!(report.stack_trace, ["a", "b"]);
    let report = decode(&with("/error/stack_trace", Some(json!([])))).unwrap();
    assert!(report.stack_trace.is_empty());
    let report = decode(&with("/context/user_id", Some(json!(12345)))).unwrap();
    assert_eq!(report.user_id, "12345");
    // An id that is none stays in the context.
    let report = decode(&with("/context/request_id", Some(json!({"a": 1})))).unwrap();
    assert_eq!(report.request_id, None);
    // A field that the contract does not know is no reason to lose an error.
    assert!(decode(&with("/tags", Some(json!(["a"])))).is_ok());
}

#[test]
fn half_an_emoji_is_no_reason_to_lose_an_error() {
    let body = example().to_string().replace("invalid literal", r"cut \ud83d here");
    assert_eq!(ErrorReport::decode(body.as_bytes()).unwrap().message, "cut \u{fffd} here");
}

#[track_caller]
fn refused(body: &[u8], code: ErrorCode, field: Option<&str>) {
    let error = ErrorReport::decode(body).expect_err("accepted");
    assert_eq!((error.code(), error.field()), (code, field), "{error}");
    assert!(field.is_none_or(|field| error.message().contains(field)), "{error}");
}

#[test]
fn a_missing_field_is_named() {
    for path in [
        "project_id",
        "environment",
        "level",
        "error",
        "error.type",
        "error.message",
        "error.file_path",
        "error.line_number",
        "error.stack_trace",
    ] {
        let pointer = format!("/{}", path.replace('.', "/"));
        refused(with(&pointer, None).to_string().as_bytes(), MissingField, Some(path));
        refused(with(&pointer, Some(Value::Null)).to_string().as_bytes(), MissingField, Some(path));
    }
}

#[test]
fn a_wrong_field_is_named() {
    let long = "x".repeat(5000);
    let deep: Value = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    for (path, value, code) in [
        ("project_id", json!(5), WrongType),
        ("project_id", json!(""), InvalidValue),
        ("project_id", json!("  "), InvalidValue),
        ("project_id", json!("a\u{0}b"), InvalidValue),
        ("project_id", json!(long), InvalidValue),
        ("environment", json!([]), WrongType),
        ("environment", json!(long), InvalidValue),
        ("level", json!("INFO"), InvalidValue),
        ("level", json!(50), WrongType),
        ("timestamp", json!("soon"), InvalidValue),
        ("timestamp", json!(1_769_769_000), WrongType),
        ("version", json!({}), WrongType),
        ("version", json!(long), InvalidValue),
        ("commit_hash", json!(true), WrongType),
        ("error", json!("boom"), WrongType),
        ("error", json!([]), WrongType),
        ("error.type", json!(1), WrongType),
        ("error.type", json!(long), InvalidValue),
        ("error.message", json!({}), WrongType),
        ("error.file_path", json!(long), InvalidValue),
        ("error.line_number", json!("42"), WrongType),
        ("error.line_number", json!(-1), WrongType),
        ("error.line_number", json!(4.5), WrongType),
        ("error.line_number", json!(4_294_967_296u64), InvalidValue),
        ("error.stack_trace", json!(7), WrongType),
        ("error.stack_trace", json!({}), WrongType),
        ("context", json!([]), InvalidValue),
        ("context", json!("x"), InvalidValue),
        ("context", deep, InvalidValue),
        ("event_id", json!(""), InvalidValue),
        ("event_id", json!("a b"), InvalidValue),
        ("event_id", json!({}), WrongType),
    ] {
        let pointer = format!("/{}", path.replace('.', "/"));
        refused(with(&pointer, Some(value)).to_string().as_bytes(), code, Some(path));
    }
    let wrong = with("/error/stack_trace", Some(json!(["a", 7])));
    refused(wrong.to_string().as_bytes(), WrongType, Some("error.stack_trace[1]"));
}

#[test]
fn what_is_no_json_is_told_from_what_is_wrong() {
    let text = example().to_string();
    for body in [
        &b""[..],
        b"   ",
        b"{",
        b"nope",
        b"\xff\xfe",
        b"{\"a\":\"\xc3\"}",
        &text.as_bytes()[..text.len() - 1],
    ] {
        refused(body, MalformedJson, None);
    }
    refused(format!("{text}{text}").as_bytes(), MalformedJson, None);
    for body in ["[]", "5", "\"x\"", "null", "[\"a\",\"b\",\"ERROR\",null,null,null,null,null,null]"] {
        refused(body.as_bytes(), WrongType, None);
    }
    // An array is not a struct whose names were left out.
    let positional = with("/error", Some(json!(["ValueError", "m", "f.py", 1, []])));
    refused(positional.to_string().as_bytes(), WrongType, Some("error"));
}

#[test]
fn what_other_programs_write_is_read_as_in_a_record() {
    let text = example().to_string();
    let twice = text.replacen('{', r#"{"project_id":"old","version":7,"#, 1);
    let twice = twice.replace(r#""error":{"#, r#""error":{"type":[],"line_number":"x","#);
    assert_eq!(decode(&example()), ErrorReport::decode(twice.as_bytes()));
    for around in [format!("\u{feff}{text}"), format!("\0\0 {text}\0\r\n"), format!("\t{text}\u{feff}")] {
        assert_eq!(decode(&example()), ErrorReport::decode(around.as_bytes()), "{around:?}");
    }
    for (context, expected) in [
        (r#"{"load":NaN,"max":[-Infinity]}"#, r#"{"load":"NaN","max":["-Infinity"]}"#),
        (r#"{"a":1,"a":{"b":1,"b":2}}"#, r#"{"a":{"b":2}}"#),
        (
            r#"{"wei":20000000000000000001,"half":"\ud83d"}"#,
            "{\"wei\":\"20000000000000000001\",\"half\":\"\u{fffd}\"}",
        ),
        (r#"{"t":"M\u00fcller \/"}"#, r#"{"t":"Müller /"}"#),
    ] {
        let body = with("/context", Some(json!("CONTEXT"))).to_string().replace("\"CONTEXT\"", context);
        assert_eq!(ErrorReport::decode(body.as_bytes()).unwrap().context, expected, "{context}");
    }
}

#[test]
fn unknown_keys_of_a_report_are_kept_beside_its_context() {
    let mut report = example();
    report["tags"] = json!(["a"]);
    report["url"] = json!("not that of the context");
    report["error"]["code"] = json!("E1");
    report["error"]["cause"] = json!({"type": "OSError"});
    let kept: Value = serde_json::from_str(&decode(&report).unwrap().context).unwrap();
    let mut expected = example()["context"].clone();
    expected["tags"] = json!(["a"]);
    expected["error"] = json!({"code": "E1", "cause": {"type": "OSError"}});
    assert_eq!(kept, expected);
    report.as_object_mut().unwrap().remove("context");
    let kept: Value = serde_json::from_str(&decode(&report).unwrap().context).unwrap();
    assert_eq!((&kept["tags"], &kept["url"]), (&json!(["a"]), &json!("not that of the context")));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        _ = ErrorReport::decode(&bytes);
    }

    #[test]
    fn a_cut_or_bent_report_never_panics(at in 0usize..500, byte: u8) {
        let mut body = example().to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        _ = ErrorReport::decode(&body);
        body.truncate(at);
        _ = ErrorReport::decode(&body);
    }

    #[test]
    fn every_text_reads_back(message in ".*", error_type in ".{0,100}", line_number: u32) {
        let mut value = with("/error/message", Some(json!(message)));
        value["error"]["type"] = json!(error_type);
        value["error"]["line_number"] = json!(line_number);
        let report = decode(&value).unwrap();
        prop_assert_eq!(report.message, message);
        prop_assert_eq!(report.error_type, error_type);
        prop_assert_eq!(report.line_number, line_number);
    }
}
