//! The ids of a request on their way from one service to the next: `X-Request-Id` and the `traceparent` of W3C.

#[cfg(feature = "tower")]
mod arrival;
#[cfg(feature = "reqwest")]
mod departure;

use crate::line::unique_number;
#[cfg(feature = "tower")]
pub(crate) use arrival::Arrival;
use http::HeaderName;
use uuid::Uuid;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What says which request this is, and which hop of it.
#[derive(Debug)]
pub(crate) struct TraceContext {
    pub(crate) req_id: String,
    /// 16 hex digits; empty if there is no such hop.
    #[cfg(feature = "reqwest")]
    pub(crate) span_id: String,
}

/// A UUIDv7.
pub(crate) fn new_req_id() -> String {
    Uuid::now_v7().to_string()
}

/// 16 hex digits, not all of them zero.
pub(crate) fn new_span_id() -> String {
    format!("{:016x}", unique_number().max(1))
}
