//! What a browser is told that asks whether a page of another origin may send here.

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, Method};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember the answer to a preflight, in seconds: one day.
const PREFLIGHT_SECONDS: u64 = 24 * 60 * 60;

/// Any page may, and sees the answer. Nobody's cookies are wanted.
pub(super) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::POST])
        .allow_headers([
            CONTENT_TYPE,
            CONTENT_ENCODING,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("traceparent"),
        ])
        .expose_headers([RETRY_AFTER])
        .max_age(Duration::from_secs(PREFLIGHT_SECONDS))
}
