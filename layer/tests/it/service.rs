//! A service under the layer, asked directly or over a socket.

use crate::json::{extra, read_any};
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use log_center::testing::Capture;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::prelude::*;

/// Nothing that is waited for takes longer, unless it never comes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The layer on this thread.
pub(crate) struct Log {
    capture: Capture,
    _installed: DefaultGuard,
    _guard: log_center::Guard,
}

impl Log {
    pub(crate) fn of(service: &str) -> Self {
        let capture = Capture::new();
        let (layer, guard) =
            log_center::layer(service).without_endpoint().writer(capture.clone()).build().unwrap();
        let installed = tracing_subscriber::registry().with(layer).set_default();
        Self { capture, _installed: installed, _guard: guard }
    }

    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        self.capture.lines().iter().map(|line| read_any(line)).collect()
    }

    /// The one record of a kind.
    #[track_caller]
    pub(crate) fn one(&self, event: &str) -> Value {
        one(&self.records(), event)
    }

    /// The records as soon as there is one of this kind.
    pub(crate) async fn records_until(&self, event: &str) -> Vec<Value> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let records = self.records();
            if records.iter().any(|record| record["event"] == event) {
                return records;
            }
            assert!(Instant::now() < deadline, "no {event} among {records:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[track_caller]
pub(crate) fn one(records: &[Value], event: &str) -> Value {
    let found: Vec<&Value> = records.iter().filter(|record| record["event"] == event).collect();
    let [record] = found[..] else { panic!("one {event} expected: {records:?}") };
    record.clone()
}

/// One pair of `extra`; empty if it is not there.
pub(crate) fn pair(record: &Value, key: &str) -> String {
    extra(record).remove(key).unwrap_or_default()
}

pub(crate) fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

/// Asks a service and reads its answer to the end.
pub(crate) async fn ask(service: Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = service.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// Serves on a free port of the loopback, as long as the runtime lives.
pub(crate) async fn serve(service: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}
