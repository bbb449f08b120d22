//! One request through two services.

use crate::service::{Log, one, serve};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::StatusCode;
use log_center::call::Logged;
use log_center::request::RequestLayer;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use tokio::sync::oneshot;
use tracing::Instrument;

/// A service with a thread, a runtime and a log to itself.
struct Service {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    thread: thread::JoinHandle<Vec<Value>>,
}

impl Service {
    fn start(name: &'static str, routes: Router) -> Self {
        let (end, ended) = oneshot::channel();
        let (started, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let log = Log::of(name);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                started.send(serve(routes.layer(RequestLayer::new())).await).unwrap();
                ended.await.unwrap();
                log.records_until("client-res").await
            })
        });
        Self { address: address.recv().unwrap(), end, thread }
    }

    /// Its records, once its requests have ended.
    fn stop(self) -> Vec<Value> {
        self.end.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

/// Asks `prices` in a task of its own.
async fn price(prices: SocketAddr, currency: String) -> Result<String, StatusCode> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = client.get(format!("http://{prices}/prices/{currency}")).logged().send();
    let response = tokio::spawn(call.in_current_span()).await.unwrap();
    let response = response.and_then(reqwest::Response::error_for_status);
    response.map_err(|_| StatusCode::BAD_GATEWAY)?.text().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn quote(Path(currency): Path<String>) -> Result<&'static str, StatusCode> {
    tracing::info!(currency, "price asked for");
    if currency == "eur" { Ok("1.0") } else { Err(StatusCode::INTERNAL_SERVER_ERROR) }
}

/// The records of both services after one request.
fn records_of(currency: &str, req_id: Option<&str>) -> (Vec<Value>, Vec<Value>, String) {
    let prices = Service::start("prices", Router::new().route("/prices/{currency}", get(quote)));
    let to = prices.address;
    let routes =
        Router::new().route("/shop/{currency}", get(async move |Path(currency)| price(to, currency).await));
    let shop = Service::start("shop", routes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answered = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut call = client.get(format!("http://{}/shop/{currency}", shop.address));
        if let Some(req_id) = req_id {
            call = call.header("x-request-id", req_id);
        }
        let response = call.send().await.unwrap();
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    });
    (shop.stop(), prices.stop(), answered)
}

#[test]
fn hops_make_one_tree() {
    for given in [None, Some("req_abc123")] {
        let (shop, prices, answered) = records_of("eur", given);
        for (record, name) in
            shop.iter().map(|record| (record, "shop")).chain(prices.iter().map(|record| (record, "prices")))
        {
            assert_eq!((record["req_id"].as_str(), &record["name"]), (Some(answered.as_str()), &name.into()));
        }
        assert_eq!(given.unwrap_or(&answered), answered);
        let (root, call) = (one(&shop, "client-req"), one(&shop, "service-start"));
        assert_eq!(root.get("parent_id"), None);
        assert_eq!(call["parent_id"], root["span_id"]);
        assert_eq!(one(&shop, "service-end")["span_id"], call["span_id"]);
        let callee = one(&prices, "client-req");
        assert_eq!(callee["parent_id"], call["span_id"]);
        assert_eq!(one(&prices, "trace")["span_id"], callee["span_id"]);
        let spans = [&root["span_id"], &call["span_id"], &callee["span_id"]];
        assert!(spans[0] != spans[1] && spans[1] != spans[2] && spans[0] != spans[2]);
    }
}

#[test]
fn a_failure_below_is_a_warning_above() {
    let (shop, prices, _) = records_of("xxx", None);
    let failure = one(&shop, "service-err");
    assert_eq!(
        (failure["level"].as_u64(), failure["service_res"]["http_code"].as_u64()),
        (Some(40), Some(500))
    );
    assert_eq!(failure["span_id"], one(&prices, "client-res")["parent_id"]);
    assert!(shop.iter().chain(&prices).all(|record| record["level"].as_u64() < Some(50)));
}
