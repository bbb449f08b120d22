//! What the tower layer writes of a request, however it ends.

use crate::child;
use crate::json::read;
use crate::service::{Log, ask, get, one, pair, serve};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get as on_get;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderName, Request, Response, StatusCode};
use log_center::request::{ClientAddress, RequestLayer, current_id, set_uid};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;
use tracing::Instrument;

fn service() -> Router {
    Router::new()
        .route("/users/{id}", on_get(user))
        .route("/panic", on_get(async || -> &'static str { panic!("no luck") }))
        .route("/fail", on_get(async || StatusCode::BAD_GATEWAY))
        .route("/empty", on_get(async || StatusCode::NO_CONTENT))
        .route("/never", on_get(never))
        .route("/stream", on_get(streamed))
        .route("/endless", on_get(endless))
        .route("/sized", on_get(sized))
        .route("/body-panics", on_get(body_panics))
        .route("/body-fails", on_get(body_fails))
        .layer(RequestLayer::new())
}

async fn user() -> String {
    tracing::info!(event = "client-res", tm = 3, hop = "mine", "user asked for");
    let inner = tracing::info_span!("inner");
    inner.in_scope(|| set_uid("42"));
    tokio::task::yield_now().await;
    let task = async {
        tokio::task::yield_now().await;
        tracing::info!("in a task");
    };
    tokio::spawn(task.instrument(inner)).await.unwrap();
    current_id().unwrap()
}

/// Logs when it is dropped.
struct Parting;

impl Drop for Parting {
    fn drop(&mut self) {
        tracing::info!("parting");
    }
}

async fn never() {
    let _parting = Parting;
    future::pending::<()>().await;
}

fn chunks() -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(["ab", "c", "def"]).map(|chunk| {
        tracing::info!(chunk, "chunk made");
        Ok(Bytes::from(chunk))
    })
}

async fn streamed() -> Body {
    Body::from_stream(chunks())
}

async fn endless() -> Body {
    Body::from_stream(chunks().chain(stream::pending()))
}

async fn sized() -> Response<Body> {
    let body = Body::from_stream(chunks().chain(stream::pending()));
    Response::builder().header(CONTENT_LENGTH, 6).body(body).unwrap()
}

async fn body_panics() -> Body {
    Body::from_stream(
        stream::once(async { panic!("in the {}", String::from("body")) }).map(Ok::<Bytes, Infallible>),
    )
}

async fn body_fails() -> Body {
    Body::from_stream(stream::once(future::ready(Err::<Bytes, _>(io::Error::other("disk gone")))))
}

#[tokio::test]
async fn a_request_has_its_records() {
    let log = Log::of("shop");
    let request = Request::get("/users/7?verbose=1").header("user-agent", "curl/8").body(Body::empty());
    let (status, headers, body) = ask(service(), request.unwrap()).await;
    let records = log.records();
    let events: Vec<&str> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["client-req", "trace", "trace", "client-res"]);
    assert_eq!((status, headers["x-request-id"].to_str().unwrap()), (StatusCode::OK, body.as_str()));
    for record in &records {
        assert_eq!(record["req_id"], body);
        assert_eq!(record["d"], json!({"url": "/users/7?verbose=1", "ua": "curl/8"}));
        assert_eq!(record["span_id"], records[0]["span_id"]);
        assert_eq!(record.get("parent_id"), None);
    }
    let uids: Vec<&Value> = records.iter().map(|record| &record["uid"]).collect();
    assert_eq!(uids, [&Value::Null, &Value::Null, &json!("42"), &json!("42")]);
    let last = &records[3];
    assert_eq!((&last["level"], &last["msg"]), (&json!(30), &json!("request answered")));
    assert_eq!(last["extra"], format!("status=200 route=/users/{{id}} method=GET bytes={}", body.len()));
    assert!(last["tm"].as_f64().unwrap() > 0.0);
    assert_eq!(records[0]["extra"], "method=GET route=/users/{id}");
}

#[tokio::test]
async fn an_application_claims_none_of_it() {
    let log = Log::of("shop");
    ask(service(), get("/users/7")).await;
    let error = io::Error::other("x");
    tracing::info!(target: "log_center::request", hop = &error as &dyn Error, tm = 1, "request answered");
    let records = log.records();
    assert_eq!((pair(&records[1], "event"), pair(&records[1], "tm")), ("client-res".into(), "3".into()));
    assert_eq!((&records[1]["event"], records[1].get("tm")), (&json!("trace"), None));
    assert_eq!((pair(&records[4], "hop"), records[4].get("event")), ("x".into(), None));
}

/// What a request with these headers is called, who called it, and which id was refused.
#[track_caller]
fn check_ids(headers: &[(&str, &[u8])], req_id: Option<&str>, parent_id: &str, refused: &str) {
    let log = Log::of("shop");
    let mut request = get("/empty");
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, http::HeaderValue::from_bytes(value).unwrap());
    }
    let (_, answered, _) = ask(service(), request).now_or_never().unwrap();
    let record = log.one("client-req");
    let id = record["req_id"].as_str().unwrap();
    assert_eq!(answered["x-request-id"], id);
    match req_id {
        Some(expected) => assert_eq!(id, expected),
        None => assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7),
    }
    assert_eq!(record["parent_id"].as_str().unwrap_or_default(), parent_id);
    assert_eq!(pair(&record, "x_request_id"), refused);
    let span_id = record["span_id"].as_str().unwrap();
    assert!(span_id.len() == 16 && span_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn ids_come_in() {
    const TRACE: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = Some("0af76519-16cd-43dd-8448-eb211c80319c");
    let (id, trace) = ("x-request-id", "traceparent");
    let long = "x".repeat(129);
    check_ids(&[], None, "", "");
    check_ids(&[(id, b"req_abc123")], Some("req_abc123"), "", "");
    check_ids(&[(id, br#"a"b\c"#)], Some(r#"a"b\c"#), "", "");
    check_ids(&[(id, &long.as_bytes()[1..])], Some(&long[1..]), "", "");
    check_ids(&[(id, b"first"), (id, b"second")], Some("first"), "", "");
    check_ids(&[(trace, TRACE)], traced, "b7ad6b7169203331", "");
    check_ids(&[(id, b"req_1"), (trace, TRACE)], Some("req_1"), "b7ad6b7169203331", "");
    check_ids(&[(id, b"two words"), (trace, TRACE)], traced, "b7ad6b7169203331", "two words");
    check_ids(&[(id, b"")], None, "", "");
    check_ids(&[(id, b"two words")], None, "", "two words");
    check_ids(&[(id, long.as_bytes())], None, "", &long);
    check_ids(&[(id, "ä".as_bytes())], None, "", "ä");
    check_ids(&[(id, b"\xff\xfe")], None, "", "\u{fffd}\u{fffd}");
    // A later version may say more; this one, a forbidden one, and zeros may not.
    let later = [b"01", &TRACE[2..], b"-more"].concat();
    check_ids(&[(trace, &later)], traced, "b7ad6b7169203331", "");
    check_ids(&[(trace, &[TRACE, b"-more"].concat())], None, "", "");
    check_ids(&[(trace, &[b"ff", &TRACE[2..]].concat())], None, "", "");
    check_ids(&[(trace, &TRACE.to_ascii_uppercase())], None, "", "");
    check_ids(&[(trace, b"00-00000000000000000000000000000000-b7ad6b7169203331-01")], None, "", "");
    check_ids(&[(trace, b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")], None, "", "");
    check_ids(&[(trace, b"00-0af7651916cd43dd8448eb211c80319c")], None, "", "");
    check_ids(&[(trace, b"\xff")], None, "", "");
}

#[track_caller]
fn check_client(layer: RequestLayer, headers: &[(&str, &str)], key: &str, expected: &str) {
    let log = Log::of("shop");
    let mut request = get("/");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 1234))));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let service = Router::new().route("/", on_get(async || "")).layer(layer);
    ask(service, request).now_or_never().unwrap();
    let record = log.one("client-res");
    let found = if key == "ip" { &record["d"]["ip"] } else { &record[key] };
    assert_eq!(found.as_str().unwrap_or_default(), expected, "{headers:?}");
}

#[test]
fn only_named_headers_are_trusted() {
    let layer = RequestLayer::new;
    let behind = |proxies| layer().client_address(ClientAddress::ForwardedFor { proxies });
    let real = || layer().client_address(ClientAddress::Header(HeaderName::from_static("x-real-ip")));
    let forwarded = ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.1");
    check_client(layer(), &[forwarded, ("x-real-ip", "1.2.3.4")], "ip", "10.0.0.9");
    check_client(behind(1), &[forwarded], "ip", "10.0.0.1");
    check_client(behind(0), &[forwarded], "ip", "10.0.0.1");
    check_client(behind(2), &[forwarded], "ip", "1.2.3.4");
    check_client(behind(4), &[forwarded], "ip", "10.0.0.9");
    check_client(behind(2), &[forwarded, ("x-forwarded-for", "10.0.0.2")], "ip", "10.0.0.1");
    check_client(behind(1), &[("x-forwarded-for", "[2001:db8::1]:443")], "ip", "2001:db8::1");
    check_client(behind(1), &[("x-forwarded-for", "1.2.3.4, <b>")], "ip", "10.0.0.9");
    check_client(real(), &[("x-real-ip", " 1.2.3.4 "), forwarded], "ip", "1.2.3.4");
    check_client(real(), &[forwarded], "ip", "10.0.0.9");
}

#[test]
fn the_device_is_told_by_header_or_cookie() {
    let layer = RequestLayer::new;
    check_client(layer(), &[], "rrdid", "");
    check_client(layer(), &[("cookie", "a=b; rrdid=dev-1; c=d")], "rrdid", "dev-1");
    check_client(layer(), &[("cookie", "rrdid="), ("cookie", "rrdid=\"dev-2\"")], "rrdid", "dev-2");
    check_client(layer(), &[("cookie", "rrdid=dev-1"), ("x-rrdid", "dev-3")], "rrdid", "dev-3");
    check_client(layer().rrdid_cookie("device"), &[("cookie", "device=x; rrdid=y")], "rrdid", "x");
    let named = layer().rrdid_header(HeaderName::from_static("device"));
    check_client(named, &[("device", "z"), ("x-rrdid", "y")], "rrdid", "z");
}

/// How a request that came to its end is told of.
async fn check_end(method: &str, uri: &str, level: u64, expected: &str) {
    let log = Log::of("shop");
    let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    ask(service(), request).await;
    let record = log.one("client-res");
    assert_eq!((record["extra"].as_str(), record["level"].as_u64()), (Some(expected), Some(level)));
}

#[tokio::test]
async fn ends_are_told() {
    check_end("GET", "/empty", 30, "status=204 route=/empty method=GET bytes=0").await;
    check_end("HEAD", "/stream", 30, "status=200 route=/stream method=HEAD bytes=0").await;
    check_end("GET", "/fail", 40, "status=502 route=/fail method=GET bytes=0").await;
    check_end("GET", "/secret/1?token=2", 30, "status=404 method=GET bytes=0").await;
    check_end("POST", "/empty", 30, "status=405 route=/empty method=POST bytes=0").await;
    check_end("GET", "/stream", 30, "status=200 route=/stream method=GET bytes=6").await;
}

#[tokio::test]
async fn a_stream_counts_to_its_end() {
    let log = Log::of("shop");
    let response = service().oneshot(get("/stream")).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    for chunk in ["ab", "c", "def"] {
        assert_eq!(body.next().await.unwrap().unwrap(), chunk);
        assert!(log.records().iter().all(|record| record["event"] != "client-res"));
    }
    assert!(body.next().await.is_none());
    let records = log.records();
    assert_eq!(pair(&one(&records, "client-res"), "bytes"), "6");
    let made: Vec<&Value> = records.iter().filter(|record| record["msg"] == "chunk made").collect();
    assert_eq!(made.len(), 3);
    assert!(made.iter().all(|record| record["req_id"] == records[0]["req_id"]));
}

#[tokio::test]
async fn a_stream_of_known_length_ends_with_its_last_byte() {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let body = reqwest::get(format!("http://{address}/sized")).await.unwrap().text().await.unwrap();
    assert_eq!(body, "abcdef");
    let records = log.records_until("client-res").await;
    let last = one(&records, "client-res");
    assert_eq!((pair(&last, "bytes"), pair(&last, "outcome")), ("6".to_owned(), String::new()));
    assert_eq!(last["d"]["ip"], "127.0.0.1");
}

#[tokio::test]
async fn a_panic_ends_the_request_and_goes_on() {
    let log = Log::of("shop");
    let panic = AssertUnwindSafe(ask(service(), get("/panic"))).catch_unwind().await.unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "no luck");
    let record = log.one("client-res");
    assert_eq!((&record["level"], &record["msg"]), (&json!(50), &json!("request panicked")));
    assert_eq!(record["extra"], "route=/panic method=GET outcome=panicked");
    assert_eq!((&record["err"]["type"], &record["err"]["msg"]), (&json!("panic"), &json!("no luck")));

    let log = Log::of("shop");
    AssertUnwindSafe(ask(service(), get("/body-panics"))).catch_unwind().await.unwrap_err();
    let record = log.one("client-res");
    assert_eq!(record["err"]["msg"], "in the body");
    assert_eq!((pair(&record, "status"), pair(&record, "outcome")), ("200".into(), "panicked".into()));
}

#[tokio::test]
async fn a_failing_body_is_told() {
    let log = Log::of("shop");
    let response = service().oneshot(get("/body-fails")).await.unwrap();
    assert!(response.into_body().into_data_stream().next().await.unwrap().is_err());
    let record = log.one("client-res");
    assert_eq!((&record["level"], pair(&record, "outcome")), (&json!(40), "failed".to_owned()));
}

#[tokio::test]
async fn a_failing_service_is_told() {
    let log = Log::of("shop");
    let fails = tower::service_fn(async |_: Request<()>| Err::<Response<Body>, _>("broken"));
    let service = tower::Layer::layer(&RequestLayer::new().route(|_| Some("fixed".to_owned())), fails);
    assert_eq!(service.oneshot(Request::new(())).await.unwrap_err(), "broken");
    assert_eq!(log.one("client-res")["extra"], "route=fixed method=GET outcome=failed");
}

#[tokio::test]
async fn a_dropped_request_is_told() {
    let log = Log::of("shop");
    let mut request = Box::pin(service().oneshot(get("/never")));
    assert!(futures_util::poll!(&mut request).is_pending());
    drop(request);
    let records = log.records();
    let messages: Vec<&str> = records.iter().map(|record| record["msg"].as_str().unwrap()).collect();
    assert_eq!(messages, ["request received", "parting", "request cancelled"]);
    assert_eq!(records[1]["req_id"], records[0]["req_id"]);
    assert_eq!(records[2]["extra"], "route=/never method=GET outcome=cancelled");
    assert_eq!(records[2]["level"], 30);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_told() {
    for (uri, until) in [("/never", &b""[..]), ("/endless", b"def")] {
        let log = Log::of("shop");
        let address = serve(service()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(format!("GET {uri} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        log.records_until("client-req").await;
        let mut answer = Vec::new();
        while !until.is_empty() && !answer.windows(until.len()).any(|window| window == until) {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
        }
        drop(client);
        let record = one(&log.records_until("client-res").await, "client-res");
        assert_eq!(pair(&record, "outcome"), "cancelled", "{uri}");
    }
}

#[test]
fn a_filter_by_target_keeps_the_ids() {
    const TEST: &str = "requests::a_filter_by_target_keeps_the_ids";
    if child::is_for(TEST) {
        let _guard = log_center::layer("shop").without_endpoint().init().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(ask(service(), get("/users/7")));
        return;
    }
    // This crate's own words only.
    let mut command = child::command(TEST);
    let output = command.env("RUST_LOG", "it=info").stdout(Stdio::piped()).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let records: Vec<Value> = output.lines().filter(|line| line.starts_with("{\"v\"")).map(read).collect();
    let messages: Vec<&str> = records.iter().map(|record| record["msg"].as_str().unwrap()).collect();
    assert_eq!(messages, ["user asked for", "in a task"]);
    assert!(records.iter().all(|record| record["scope"] == "visit" && record["span_id"].is_string()));
}
