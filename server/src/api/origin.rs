//! Which pages of the web may use the API from a browser.
//!
//! Any page may send reports and records, wherever it comes from. What is kept is read only by pages of the host that is asked,
//! whatever their port: otherwise each page that somebody opens could read the log of the server beside his browser.

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Where any page may post.
const OPEN_PATHS: [&str; 2] = ["/api/v1/logs/report", "/api/v1/events"];

/// How long a browser may remember the answer to a preflight, in seconds: one day.
const PREFLIGHT_SECONDS: u64 = 24 * 60 * 60;

/// The rules above. Nobody's cookies are wanted.
pub(super) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::PATCH])
        .allow_headers([
            CONTENT_TYPE,
            CONTENT_ENCODING,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([RETRY_AFTER])
        .max_age(Duration::from_secs(PREFLIGHT_SECONDS))
}

fn is_allowed(origin: &HeaderValue, request: &Parts) -> bool {
    let is_get = request.method == Method::GET || request.method == Method::HEAD;
    (OPEN_PATHS.contains(&request.uri.path()) && !is_get) || is_of_host(origin, request).unwrap_or(false)
}

fn is_of_host(origin: &HeaderValue, request: &Parts) -> Option<bool> {
    let origin: Uri = origin.to_str().ok()?.parse().ok()?;
    let named = request.headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let asked = request.uri.authority().cloned().or(named)?;
    Some(origin.host()?.eq_ignore_ascii_case(asked.host()))
}
