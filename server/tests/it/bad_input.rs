//! What nobody should send, and everybody does: each gets the code of the contract and the name of the field, and
//! nothing changes.

use crate::harness::{DEADLINE, Server, a_report, answer};
use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/api/v1/logs/report";

/// How long the head of a request may take to arrive.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// A body in every encoding that the server reads.
pub async fn encoded(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (mut gzip, mut deflate, mut br, mut zstd) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    GzipEncoder::new(body).read_to_end(&mut gzip).await.unwrap();
    ZlibEncoder::new(body).read_to_end(&mut deflate).await.unwrap();
    BrotliEncoder::with_quality(body, Level::Fastest).read_to_end(&mut br).await.unwrap();
    ZstdEncoder::new(body).read_to_end(&mut zstd).await.unwrap();
    vec![("identity", body.to_vec()), ("gzip", gzip), ("deflate", deflate), ("br", br), ("zstd", zstd)]
}

/// A report with one value replaced, or taken away.
fn with(path: &str, value: Option<Value>) -> Vec<u8> {
    let mut report = a_report(1);
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = report.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
    report.to_string().into_bytes()
}

struct Case {
    name: String,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
    status: u16,
    field: Option<String>,
}

fn case(name: impl Into<String>, body: impl Into<Vec<u8>>, status: u16, field: Option<&str>) -> Case {
    Case {
        name: name.into(),
        body: body.into(),
        headers: Vec::new(),
        status,
        field: field.map(str::to_owned),
    }
}

fn wrong_fields() -> Vec<Case> {
    let long = "x".repeat(5000);
    let deep: Value = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
    let mut cases = Vec::new();
    for field in [
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
        cases.push(case(format!("{field} missing"), with(field, None), 422, Some(field)));
        cases.push(case(format!("{field} null"), with(field, Some(Value::Null)), 422, Some(field)));
        cases.push(case(format!("{field} true"), with(field, Some(json!(true))), 422, Some(field)));
    }
    for (field, value) in [
        ("project_id", json!(5)),
        ("project_id", json!(" ")),
        ("project_id", json!("a\u{0}b")),
        ("project_id", json!(long)),
        ("environment", json!([])),
        ("environment", json!("")),
        ("environment", json!(long)),
        ("level", json!("INFO")),
        ("level", json!(50)),
        ("timestamp", json!("soon")),
        ("timestamp", json!("2026-02-30T00:00:00Z")),
        ("timestamp", json!(1_769_769_000)),
        ("version", json!({})),
        ("version", json!(long)),
        ("commit_hash", json!([1])),
        ("error", json!("boom")),
        ("error.type", json!(long)),
        ("error.message", json!({"a": 1})),
        ("error.file_path", json!(long)),
        ("error.line_number", json!("42")),
        ("error.line_number", json!(-1)),
        ("error.line_number", json!(4.5)),
        ("error.line_number", json!(1e300)),
        ("error.line_number", json!(4_294_967_296u64)),
        ("error.stack_trace", json!(7)),
        ("error.stack_trace", json!({"0": "a"})),
        ("context", json!("x")),
        ("context", json!([1])),
        ("context", deep),
        ("event_id", json!("")),
        ("event_id", json!("a b")),
        ("event_id", json!(["x"])),
    ] {
        let shown: String = value.to_string().chars().take(30).collect();
        cases.push(case(format!("{field} = {shown}"), with(field, Some(value)), 422, Some(field)));
    }
    let element = with("error.stack_trace", Some(json!(["a", 7])));
    cases.push(case("a number in the stack", element, 422, Some("error.stack_trace[1]")));
    cases
}

fn wrong_documents() -> Vec<Case> {
    let good = a_report(1).to_string().into_bytes();
    let mut not_utf8 = good.clone();
    let at = not_utf8.windows(3).position(|bytes| bytes == b"abc").unwrap();
    not_utf8[at] = 0xff;
    vec![
        case("nothing", "", 400, None),
        case("blanks", "  \n ", 400, None),
        case("no JSON", "nope", 400, None),
        case("HTML", "<html></html>", 400, None),
        case("cut short", &good[..good.len() - 5], 400, None),
        case("two documents", [good.clone(), good.clone()].concat(), 400, None),
        case("not UTF-8", not_utf8, 400, None),
        case("a bare control character", "{\"project_id\": \"a\nb\"}", 422, Some("project_id")),
        case("single quotes", "{'project_id': 'a'}", 400, None),
        case("a trailing comma", "{\"project_id\": \"a\",}", 400, None),
        case(
            "NaN",
            String::from_utf8(good.clone()).unwrap().replace(": 1,", ": NaN,").replace(":1,", ":NaN,"),
            422,
            Some("error.line_number"),
        ),
        case("an array", "[]", 422, None),
        case("a number", "5", 422, None),
        case("null", "null", 422, None),
        case("an array of values", "[\"a\",\"b\",\"ERROR\",null]", 422, None),
        case("an empty object", "{}", 422, Some("project_id")),
        case("deep brackets", "[".repeat(100_000), 422, None),
        case("deep braces", "{\"a\":".repeat(100_000), 400, None),
        case("a key twice", "{\"project_id\":\"a\",\"project_id\":7}", 422, Some("project_id")),
        case("too large", [good.clone(), vec![b' '; 1 << 20]].concat(), 413, None),
    ]
}

async fn wrong_encodings() -> Vec<Case> {
    let good = a_report(1).to_string().into_bytes();
    let mut cases = Vec::new();
    let mut add = |name: String, encoding: &str, body: Vec<u8>, status| {
        let headers = vec![("content-encoding", encoding.to_owned())];
        cases.push(Case { name, body, headers, status, field: None });
    };
    for (encoding, body) in encoded(&good).await.into_iter().skip(1) {
        add(format!("{encoding} cut short"), encoding, body[..body.len() / 2].to_vec(), 400);
        add(format!("{encoding} that is none"), encoding, good.clone(), 400);
    }
    for (encoding, bomb) in encoded(&vec![b' '; 8 << 20]).await.into_iter().skip(1) {
        assert!(bomb.len() < 1 << 20, "{encoding}");
        add(format!("{encoding} bomb"), encoding, bomb, 413);
    }
    add("compress".into(), "compress", good.clone(), 415);
    add("two encodings".into(), "gzip, gzip", good.clone(), 415);
    add("an unknown encoding".into(), "x-secret", good.clone(), 415);
    for content_type in [
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "image/png",
    ] {
        let headers = vec![("content-type", content_type.to_owned())];
        cases.push(Case { name: content_type.into(), body: good.clone(), headers, status: 415, field: None });
    }
    for key in [String::new(), "a b".to_owned(), "x".repeat(129)] {
        let (name, field) = (format!("key {key:.10}"), Some("Idempotency-Key".to_owned()));
        let headers = vec![("idempotency-key", key)];
        cases.push(Case { name, body: good.clone(), headers, status: 422, field });
    }
    cases
}

#[tokio::test]
async fn every_bad_report_gets_its_code_and_changes_nothing() {
    let server = Server::start().await;
    server.report(&a_report(42)).await;
    server.sql_becomes("SELECT sum(count) FROM issues", "1").await;
    let mut cases = wrong_fields();
    cases.extend(wrong_documents());
    cases.extend(wrong_encodings().await);
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for case in cases {
        let mut request = server.post(PATH).body(case.body);
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(status, case.status, "{}: {text}", case.name);
        let envelope: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: {text}", case.name));
        assert_eq!(envelope["status"], "error", "{}", case.name);
        assert!(
            envelope["error"]["code"].is_string() && envelope["error"]["message"].is_string(),
            "{}",
            case.name
        );
        assert_eq!(envelope["error"]["field"].as_str(), case.field.as_deref(), "{}: {text}", case.name);
    }
    // The next good one finds everything as it was.
    assert_eq!(server.report(&a_report(42)).await["is_new"], false);
    server.sql_becomes("SELECT count(), sum(count) FROM issues", "1\t2").await;
    assert_eq!(server.sql("SELECT count() FROM events").await, "2");
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_get_the_envelope_too() {
    let server = Server::start().await;
    for (method, path, status, code) in [
        (Method::GET, "/api/v1/logs/report", 405, "method_not_allowed"),
        (Method::DELETE, "/api/v1/logs/report", 405, "method_not_allowed"),
        (Method::GET, "/nothing/here", 404, "not_found"),
        (Method::POST, "/api/v2/logs/report", 404, "not_found"),
    ] {
        let response =
            server.client.request(method.clone(), format!("{}{path}", server.api)).send().await.unwrap();
        let envelope = answer(response, StatusCode::from_u16(status).unwrap()).await;
        assert_eq!(envelope["error"]["code"], code, "{method} {path}");
    }
}

/// Sends bytes as they are and reads the answer until the server has said enough.
async fn raw(server: &Server, bytes: &[u8], close: bool) -> String {
    let address = server.api.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever refuses a request may close before it is sent to its end.
    _ = stream.write_all(bytes).await;
    if close {
        _ = stream.shutdown().await;
    }
    let mut answer = vec![0; 4096];
    let length = tokio::time::timeout(DEADLINE, stream.read(&mut answer)).await.unwrap().unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn unfinished_slow_and_broken_requests_cost_nobody_anything() {
    let server = Server::start().await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{");
    // Never finishes: the server gives up on it. Its neighbours notice nothing meanwhile.
    let slow = raw(&server, head.as_bytes(), false);
    let others = async {
        for _ in 0..20 {
            server.report(&a_report(3)).await;
        }
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert!(slow.contains("body_timeout"), "{slow}");
    // Goes away in the middle.
    raw(&server, head.as_bytes(), true).await;
    for bytes in [&b"GARBAGE\r\n\r\n"[..], b"\x16\x03\x01\x02\x00", b"POST / HTTP/9.9\r\n\r\n"] {
        let said = raw(&server, bytes, true).await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 4") || said.starts_with("HTTP/1.1 505"),
            "{said}"
        );
    }
    let chunked = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n");
    let said = raw(&server, chunked.as_bytes(), true).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
    let long_head = format!("GET /health/live HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let said = raw(&server, long_head.as_bytes(), false).await;
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    assert!(said.contains(r#"{"status":"error","error":{"code":"too_large""#), "{said}");
    server.sql_becomes("SELECT count() FROM events", "20").await;
    assert!(!server.log().contains("panicked"));
}

/// Whoever only holds connections keeps nobody out.
#[tokio::test]
async fn connections_without_a_request_give_way() {
    let server = Server::start().await;
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let address = server.api.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    let begun = Instant::now();
    for _ in 0..2_100 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // One that was closed already is no failure.
        _ = stream.write_all(b"POST / HTTP/1.1\r\nhost: loc").await;
        held.push(stream);
    }
    server.report(&a_report(3)).await;
    let is_in_time = begun.elapsed() < HEAD_TIME;
    // The oldest is gone, without a word about its time, unless that was over before all others had come.
    let mut said = Vec::new();
    _ = tokio::time::timeout(DEADLINE, held[0].read_to_end(&mut said)).await.unwrap();
    assert!(said.is_empty() || !is_in_time, "{}", String::from_utf8_lossy(&said));
    said.clear();
    // The youngest is told when its time is over.
    let last = held.last_mut().unwrap();
    _ = tokio::time::timeout(DEADLINE, last.read_to_end(&mut said)).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("head_timeout"), "{said}");
}

/// The most that the server may ever have had in memory while it is flooded, in KiB. Without a common limit eight such
/// bodies alone are 480 MiB.
const FLOODED_RSS_KIB: u64 = 450 << 10;

#[tokio::test]
async fn many_large_bodies_at_once_do_not_fill_the_memory() {
    let server = Server::start().await;
    let (encoding, body) = encoded(&vec![b' '; 60 << 20]).await.pop().unwrap();
    let requests = (0..8).map(|_| async {
        let request = server.post("/api/v1/events").header("content-encoding", encoding).body(body.clone());
        request.send().await.unwrap().status().as_u16()
    });
    for status in futures_util::future::join_all(requests).await {
        // Blanks hold no record; what does not find room is told to come again.
        assert!(matches!(status, 400 | 503), "{status}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < FLOODED_RSS_KIB, "{peak} KiB");
    server.report(&a_report(1)).await;
}

/// Whoever fills the room for large bodies keeps no small one out.
#[tokio::test]
async fn large_bodies_leave_room_for_small_ones() {
    let server = Server::start().await;
    let address = server.api.trim_start_matches("http://").to_owned();
    let (encoding, body) = encoded(&vec![b' '; 60 << 20]).await.pop().unwrap();
    // One byte never comes.
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: x\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len() + 1
    );
    let begun = std::time::Instant::now();
    let mut held = Vec::new();
    loop {
        for _ in 0..3 {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            held.push(stream);
        }
        let large = server.post("/api/v1/events").header("content-encoding", encoding).body(body.clone());
        if large.send().await.unwrap().status() == 503 {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "there is always room");
    }
    let mut large_report = a_report(3);
    large_report["context"] = json!({ "text": "x".repeat(40 << 10) });
    server.report(&large_report).await;
    server.report(&a_report(3)).await;
}
