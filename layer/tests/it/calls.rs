//! What a call by reqwest writes.

use crate::service::{Log, one, pair, serve};
use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use log_center::call::Logged;
use log_center::limits::CALL_TEXT_BYTES;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::Instrument;

fn service() -> Router {
    Router::new()
        .route("/echo", post(async |body: String| body))
        .route("/missing", get(async || (StatusCode::NOT_FOUND, "none")))
        .route("/broken", get(async || (StatusCode::SERVICE_UNAVAILABLE, "later")))
        .route("/headers", get(headers))
}

async fn headers(headers: HeaderMap) -> String {
    let of = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    json!({"id": of("x-request-id"), "trace": of("traceparent")}).to_string()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A port on which nobody listens.
async fn refused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn request_span() -> tracing::Span {
    tracing::info_span!("request", req_id = "req_abc123", span_id = "00000000000000aa", uid = "7")
}

#[tokio::test]
async fn a_call_has_its_records() {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let url = format!("http://ann:secret@{address}/missing?token=secret");
    let call = client().get(url).logged().send();
    let response = call.instrument(request_span()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let (start, end) = (log.one("service-start"), log.one("service-end"));
    for record in [&start, &end] {
        assert_eq!(record["service_req"], json!({"host": address.to_string(), "path": "/missing"}));
        assert_eq!((&record["level"], &record["extra"]), (&json!(30), &json!("method=GET")));
        assert_eq!((&record["req_id"], &record["uid"]), (&json!("req_abc123"), &json!("7")));
        assert_eq!(record["parent_id"], "00000000000000aa");
        assert_eq!(record["span_id"], start["span_id"]);
        assert!(!record.to_string().contains("secret"));
    }
    assert_ne!(start["span_id"], start["parent_id"]);
    assert_eq!(end["service_res"]["http_code"], 404);
    assert!(end["service_res"]["tm"].as_f64().unwrap() > 0.0);
    assert_eq!(end["service_res"].get("body"), None);
}

/// What goes out with a request of this id.
async fn check_departure(req_id: &str, trace_id: &str) {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let span = tracing::info_span!("request", req_id);
    let url = format!("http://{address}/headers");
    // A gateway that passes on what it got.
    let call = client().get(url).header("x-request-id", "old").header("traceparent", "old").logged().send();
    let answer = call.instrument(span).await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let span_id = log.one("service-start")["span_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["id"], json!([req_id]));
    assert_eq!(answer["trace"], json!([format!("00-{trace_id}-{span_id}-01")]));
}

#[tokio::test]
async fn ids_go_out() {
    let digits = "0af7651916cd43dd8448eb211c80319c";
    check_departure("0af76519-16cd-43dd-8448-eb211c80319c", digits).await;
    check_departure("0AF7651916CD43DD8448EB211C80319C", digits).await;
    // FNV-1a, 128 bits; a trace id of zeros is none.
    check_departure("a", "d228cb696f1a8caf78912b704e4a8964").await;
    check_departure("00000000-0000-0000-0000-000000000000", "0f10aeb0583c1dad98ad84737d97bda9").await;
}

#[tokio::test]
async fn a_failing_call_is_a_warning() {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let call = client().get(format!("http://{address}/broken")).logged().send();
    call.instrument(request_span()).await.unwrap();
    let record = log.one("service-err");
    assert_eq!((&record["level"], &record["msg"]), (&json!(40), &json!("call failed")));
    assert_eq!(record["service_res"]["http_code"], 503);
    assert_eq!(record["service_res"]["err"], "answered 503 Service Unavailable");
    assert_eq!(record["err"]["type"], "HttpStatus");

    let log = Log::of("shop");
    let nobody = refused().await;
    let call = client().get(format!("http://{nobody}/x?token=secret")).logged().send();
    assert!(call.instrument(request_span()).await.unwrap_err().is_connect());
    let record = log.one("service-err");
    assert_eq!((&record["level"], &record["err"]["type"]), (&json!(40), &json!("Connect")));
    assert!(record["err"]["stack"].as_str().unwrap().contains("Caused by: "));
    assert!(record["service_res"]["err"].as_str().unwrap().contains("refused"), "{record}");
    assert_eq!(record["service_res"].get("http_code"), None);
    assert!(!record.to_string().contains("secret"));
}

#[tokio::test]
async fn a_call_that_times_out_or_is_dropped_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let log = Log::of("shop");
    let call = client().get(&url).timeout(Duration::from_millis(50)).logged().send();
    assert!(call.instrument(request_span()).await.unwrap_err().is_timeout());
    assert_eq!(log.one("service-err")["err"]["type"], "Timeout");

    let log = Log::of("shop");
    let mut call = Box::pin(client().get(&url).logged().send().instrument(request_span()));
    assert!(futures_util::poll!(&mut call).is_pending());
    drop(call);
    let record = log.one("service-err");
    assert_eq!(record["err"]["type"], "Cancelled");
    assert_eq!(record["service_res"]["err"], "dropped before there was an answer");
}

#[tokio::test]
async fn texts_are_captured_on_request_and_cut() {
    let address = serve(service()).await;
    let url = format!("http://{address}/echo");
    for (length, cut) in [(1, false), (CALL_TEXT_BYTES, false), (CALL_TEXT_BYTES + 1, true), (1 << 20, true)]
    {
        let log = Log::of("shop");
        let text = "x".repeat(length);
        let call = client().post(&url).body(text.clone()).logged().capture_payload().capture_body();
        let response = call.send().await.unwrap();
        assert_eq!(response.url().as_str(), url);
        assert!(log.records().iter().all(|record| record["event"] != "service-end"));
        assert!(response.text().await.unwrap() == text);
        let end = log.one("service-end");
        let expected = format!("{}{}", &text[..length.min(CALL_TEXT_BYTES)], if cut { "…" } else { "" });
        assert!(end["service_req"]["payload"] == expected && end["service_res"]["body"] == expected);
    }

    let log = Log::of("shop");
    client().post(&url).body("private").logged().send().await.unwrap().text().await.unwrap();
    assert!(log.records().iter().all(|record| !record.to_string().contains("private")));
}

#[tokio::test]
async fn a_captured_failure_keeps_its_body() {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let call = client().get(format!("http://{address}/broken")).logged().capture_body();
    assert_eq!(call.send().await.unwrap().text().await.unwrap(), "later");
    assert_eq!(log.one("service-err")["service_res"]["body"], "later");
}

#[tokio::test]
async fn a_call_outside_of_a_request_is_one_by_itself() {
    let log = Log::of("shop");
    let address = serve(service()).await;
    let call = client().get(format!("http://{address}/headers")).logged();
    let answer: Value = serde_json::from_str(&call.send().await.unwrap().text().await.unwrap()).unwrap();
    let records = log.records();
    let start = one(&records, "service-start");
    assert_eq!(json!([start["req_id"]]), answer["id"]);
    let id = uuid::Uuid::parse_str(start["req_id"].as_str().unwrap()).unwrap();
    assert_eq!((id.get_version_num(), start.get("parent_id")), (7, None));
    assert!(answer["trace"][0].as_str().unwrap().contains(&id.simple().to_string()));
    assert_eq!(pair(&start, "method"), "GET");
}

#[tokio::test]
async fn a_call_that_cannot_be_built_calls_nobody() {
    let log = Log::of("shop");
    assert!(client().get("no address").logged().send().await.unwrap_err().is_builder());
    assert_eq!(log.records(), [] as [Value; 0]);
}
