//! What other programs write, as it is stored: readable by ClickHouse, found by its path, and told where it was cut.

use crate::harness::{Server, a_report, answer, now_ms};
use log_center_wire::UnixMillis;
use reqwest::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/events";

/// Sends a body; all of it must be good.
async fn send(server: &Server, body: impl Into<reqwest::Body>) {
    let kept = answer(server.post(PATH).body(body).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(kept["rejected"], json!([]));
}

/// Sends records of which each has a message `m0`, `m1` …, and looks for what each expression gives of its own.
async fn check(cases: &[(&str, &str, &str)]) {
    let server = Server::start().await;
    let now = UnixMillis(now_ms()).to_string();
    let lines = cases.iter().enumerate().map(|(n, (members, ..))| {
        format!("{{\"v\":0,\"name\":\"p\",\"level\":50,\"time\":\"{now}\",\"msg\":\"m{n}\",{members}}}\n")
    });
    send(&server, lines.collect::<String>()).await;
    server.sql_becomes("SELECT count() FROM events", &cases.len().to_string()).await;
    for (n, (members, expression, expected)) in cases.iter().enumerate() {
        let statement = format!("SELECT {expression} FROM events WHERE msg = 'm{n}' FORMAT TSVRaw");
        assert_eq!(server.sql(&statement).await, *expected, "{members}: {expression}");
    }
}

#[tokio::test]
async fn a_member_of_another_type_costs_the_record_nothing() {
    let (long_host, long_type) = (
        format!(r#""hostname":"{}""#, "h".repeat(300)),
        format!(r#""err":{{"type":"{}é"}}"#, "E".repeat(511)),
    );
    check(&[
        (
            r#""err":{"stack":["E: no","    at f (/srv/a.js:3:4)"],"name":"E"}"#,
            "err_type, err_file_path, err_line_number, JSONExtractString(attributes, 'err', 'stack', 1)",
            "E\t/srv/a.js\t3\tE: no",
        ),
        (r#""err":["a"]"#, "issue_id, JSONExtractString(attributes, 'err', 1)", "0\ta"),
        (r#""err":{"message":{"a":1}}"#, "err_msg, JSONExtractInt(attributes, 'err', 'message', 'a')", "\t1"),
        (
            r#""err":{"file_path":"f","line_number":"42"}"#,
            "err_line_number, JSONExtractString(attributes, 'err', 'line_number')",
            "42\t42",
        ),
        (
            r#""event":{},"scope":[],"version":2"#,
            "event, scope, attributes",
            "\t\t{\"event\":{},\"scope\":[],\"version\":2}",
        ),
        (r#""pid":"12","uid":{"id":5}"#, "pid, uid, attributes", "12\t\t{\"pid\":\"12\",\"uid\":{\"id\":5}}"),
        (&long_host, "length(hostname), JSONExtractInt(attributes, 'cut', 'hostname')", "255\t300"),
        (&long_type, "length(err_type), JSONExtractInt(attributes, 'cut', 'err.type')", "511\t513"),
        (
            r#""tm":"fast","d":{"url":7,"ip":null}"#,
            "tm, url, attributes",
            "\\N\t7\t{\"tm\":\"fast\",\"d\":{\"url\":7}}",
        ),
        (
            r#""service_res":{"http_code":"teapot","tm":-1}"#,
            "service_http_code, attributes",
            "\\N\t{\"service_res\":{\"http_code\":\"teapot\",\"tm\":-1}}",
        ),
    ])
    .await;
}

#[tokio::test]
async fn unknown_keys_of_inner_objects_are_found_by_their_path() {
    check(&[
        (r#""err":{"message":"m","code":"ECONNREFUSED","cause":{"code":7}}"#, "err_msg, JSONExtractString(attributes, 'err', 'code'), JSONExtractInt(attributes, 'err', 'cause', 'code')", "m\tECONNREFUSED\t7"),
        (r#""err":{"message":"m","aggregateErrors":[{"message":"db"}]}"#, "JSONExtractString(attributes, 'err', 'aggregateErrors', 1, 'message')", "db"),
        (r#""d":{"url":"/","referrer":"https://x"}"#, "url, JSONExtractString(attributes, 'd', 'referrer')", "/\thttps://x"),
        (r#""service_req":{"host":"h","method":"GET"}"#, "service_host, JSONExtractString(attributes, 'service_req', 'method')", "h\tGET"),
        (r#""service_res":{"http_code":200,"size":5},"perf":{"rss":1,"cpu":2,"heap":3}"#, "service_http_code, perf_rss, JSONExtractInt(attributes, 'service_res', 'size'), JSONExtractInt(attributes, 'perf', 'heap')", "200\t1\t5\t3"),
    ])
    .await;
}

#[tokio::test]
async fn clickhouse_reads_every_attribute_whatever_stands_beside_it() {
    let deep = format!(r#""deep":{}1{},"order":"A7""#, "[".repeat(100_000), "]".repeat(100_000));
    let order = "isValidJSON(attributes), JSONExtractString(attributes, 'order')";
    check(&[
        (r#""order":"A7","wei":20000000000000000001"#, order, "1\tA7"),
        (r#""wei":20000000000000000001,"order":"A7""#, "JSONExtractString(attributes, 'wei')", "20000000000000000001"),
        (r#""a":[-9223372036854775809,1e999],"order":"A7""#, order, "1\tA7"),
        (r#""half":"\ud83d","\udead":1,"order":"A7""#, order, "1\tA7"),
        (r#""order":"A6","a":{"b":1,"b":2},"order":"A7""#, order, "1\tA7"),
        (r#""a":{"b":1,"b":2},"order":"A7""#, "JSONExtractInt(attributes, 'a', 'b')", "2"),
        (r#""nan":NaN,"inf":[-Infinity],"order":"A7""#, order, "1\tA7"),
        (r#""nan":NaN,"inf":[-Infinity]"#, "JSONExtractString(attributes, 'nan'), JSONExtractString(attributes, 'inf', 1)", "NaN\t-Infinity"),
        (&deep, order, "1\tA7"),
        (r#""t":"M\u00fcller","p":"C:\\temp","q":"\/cart\/pay","n":"\u0000""#, "JSONExtractString(attributes, 't'), JSONExtractString(attributes, 'p'), JSONExtractString(attributes, 'q'), length(JSONExtractString(attributes, 'n'))", "Müller\tC:\\temp\t/cart/pay\t1"),
        (r#""min":-9223372036854775808,"max":18446744073709551615,"f":1e-400"#, "JSONExtractInt(attributes, 'min'), JSONExtractUInt(attributes, 'max'), isValidJSON(attributes)", "-9223372036854775808\t18446744073709551615\t1"),
    ])
    .await;
}

#[tokio::test]
async fn the_last_of_equal_keys_counts_in_columns_and_attributes_alike() {
    check(&[
        (
            r#""uid":"old","cart":"old","uid":"new","cart":"new""#,
            "uid, JSONExtractString(attributes, 'cart')",
            "new\tnew",
        ),
        (
            r#""err":{"type":"Old","type":"New","code":1,"code":2}"#,
            "err_type, JSONExtractInt(attributes, 'err', 'code')",
            "New\t2",
        ),
        (r#""pid":"x","pid":5,"d":{"ip":1},"d":{"ip":"2"}"#, "pid, ip, empty(attributes)", "5\t2\t1"),
        (r#""extra":{"a":1,"a":2}"#, "extra", "a=2"),
    ])
    .await;
    let server = Server::start().await;
    let mut report = a_report(7);
    report["context"]["cart"] = json!("new");
    let body = report.to_string().replacen('{', r#"{"project_id":"old","#, 1);
    let body = body
        .replace(r#""context":{"#, r#""context":{"cart":"old","#)
        .replace(r#""error":{"#, r#""error":{"type":5,"#);
    let response = server.post("/api/v1/logs/report").body(body).send().await.unwrap();
    answer(response, StatusCode::OK).await;
    server
        .sql_becomes(
            "SELECT project, err_type, JSONExtractString(attributes, 'cart') FROM events",
            "rtc_backend\tValueError\tnew",
        )
        .await;
}

#[tokio::test]
async fn what_stands_around_records_and_reports_is_nothing() {
    let server = Server::start().await;
    let now = UnixMillis(now_ms()).to_string();
    let record = |n: usize| format!(r#"{{"name":"p","level":30,"time":"{now}","msg":"m{n}","a":{n}}}"#);
    let nuls = "\0".repeat(4096);
    send(&server, format!("\u{feff}{}\n{}", record(0), record(1))).await;
    send(&server, format!("{nuls}{}\n{nuls}{}\n{nuls}", record(2), record(3))).await;
    send(&server, format!("\u{feff}\0[{},{}]\0\r\n", record(4), record(5))).await;
    send(&server, format!(" \0{}\u{feff}", record(6).replace(',', ",\n"))).await;
    server
        .sql_becomes(
            "SELECT count(), uniqExact(msg), sum(JSONExtractInt(attributes, 'a')) FROM events",
            "7\t7\t21",
        )
        .await;
    for body in [format!("\u{feff}{}", a_report(1)), format!("{nuls}{}\0", a_report(1))] {
        let response = server.post("/api/v1/logs/report").body(body).send().await.unwrap();
        answer(response, StatusCode::OK).await;
    }
}

#[tokio::test]
async fn a_time_in_any_unit_is_that_time() {
    let server = Server::start().await;
    let ms = now_ms();
    let (seconds, thousandths) = (ms / 1000, ms % 1000);
    let times = [
        format!("{seconds}.{thousandths:03}"),
        format!("{ms}"),
        format!("{ms}.5"),
        format!("{ms}123"),
        format!("{ms}123456"),
        format!("\"{ms}\""),
        format!("\"{}\"", UnixMillis(ms)),
        format!("\"{}\"", UnixMillis(ms + 3_600_000).to_string().replace('Z', "+01:00[Europe/Berlin]")),
    ];
    let lines =
        times.iter().map(|time| format!("{{\"name\":\"p\",\"level\":30,\"time\":{time},\"msg\":\"m\"}}\n"));
    send(&server, lines.collect::<String>()).await;
    let whole = format!("{{\"name\":\"p\",\"level\":20,\"time\":{seconds},\"msg\":\"m\"}}");
    send(&server, whole).await;
    let counted = "SELECT countIf(level = 30), uniqExact(client_time) FROM events WHERE toUnixTimestamp64Milli(time) IN";
    server.sql_becomes(&format!("{counted} ({ms}, {seconds}000)"), &format!("{}\t1", times.len())).await;
    server.sql_becomes(&format!("{counted} ({seconds}000) AND level = 20"), "0\t1").await;
}

#[tokio::test]
async fn refusals_speak_in_the_words_of_the_contract() {
    let server = Server::start().await;
    for (members, field, message) in [
        (r#""level":"loud""#, "level", "level must be a whole number from 1 to 255, or the name of a level"),
        (r#""level":null"#, "level", "level is required"),
        (
            r#""time":{}"#,
            "time",
            "time must be an ISO 8601 time, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, is an object",
        ),
        (
            r#""time":"2026-11-27T08:00:00[Europe/Berlin]""#,
            "time",
            "time must give the offset from UTC beside the name of a time zone, e.g. 2026-01-30T10:30:00+01:00[Europe/Berlin]",
        ),
        (r#""name":[]"#, "name", "name must be a string, is an array"),
        (r#""msg":{}"#, "msg", "msg must be a string, is an object"),
    ] {
        let line = format!(r#"{{"name":"p","level":30,"time":"2026-11-20T10:30:00Z","msg":"m",{members}}}"#);
        let refused = server.post(PATH).body(line).send().await.unwrap();
        let refused = answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
        let rejected = &refused["rejected"][0];
        assert_eq!((&rejected["field"], &rejected["message"]), (&json!(field), &json!(message)), "{members}");
    }
    let mut report = a_report(1);
    for (field, value, message) in [
        ("line_number", json!(-1), "error.line_number must be a whole number of 0 or more, is a number"),
        ("line_number", json!("42"), "error.line_number must be a whole number of 0 or more, is a string"),
        ("type", json!([]), "error.type must be a string, is an array"),
        ("stack_trace", json!(7), "error.stack_trace must be an array of strings, or a string, is a number"),
    ] {
        let good = std::mem::replace(&mut report["error"][field], value);
        let refused = server.post("/api/v1/logs/report").json(&report).send().await.unwrap();
        let refused = answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["error"]["message"], json!(message));
        report["error"][field] = good;
    }
    let _: Value = server.report(&report).await;
}
