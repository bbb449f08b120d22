//! Requests that this service handles: a [`tower_layer::Layer`] (feature `tower`; feature `axum` for axum's routes).
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn routes() -> axum::Router {
//! use axum::routing::get;
//!
//! axum::Router::new()
//!     .route("/users/{id}", get(async || "Ann"))
//!     .layer(log_center::request::RequestLayer::new())
//! # }
//! ```
//!
//! Each request has a span. Everything that is logged inside of it, across `.await` and in tasks spawned with
//! `.instrument`, is a record of that request: with `req_id`, `rrdid`, `uid`, `span_id`, `parent_id` and the client
//! in `d`. The request begins with a `client-req` and ends with a `client-res`:
//!
//! | ends by | level | message | `extra` |
//! |---|---|---|---|
//! | the last byte of the answer | INFO; WARN from status 500 on | `request answered` | `status=200 route=/users/{id} method=GET bytes=3` |
//! | an error of the service below or of the answer's body | WARN | `request failed` | `outcome=failed` |
//! | the client hanging up, or whatever drops the request | INFO | `request cancelled` | `outcome=cancelled` |
//! | a panic, which then goes on | ERROR, so it is an issue | `request panicked` | `outcome=panicked` |
//!
//! `tm` counts from the arrival to that end. `route` is the pattern that matched, never the URL.
//!
//! # Which request it is
//!
//! `X-Request-Id` if it is 1 to 128 visible ASCII characters, else the trace id of a W3C `traceparent` as a UUID,
//! else a new UUIDv7. An `X-Request-Id` that cannot be one stands in `extra` of the `client-req`, as `x_request_id`.
//! The id goes back in the answer's `X-Request-Id`. `parent_id` is the caller's span by its `traceparent`.
//!
//! # Filters
//!
//! The records have the target `log_center::request`, the spans `log_center::span`, at ERROR so that a level alone
//! never takes the ids from the records inside. [`Builder::init`](crate::Builder::init) lets them through whatever
//! `RUST_LOG` says; a filter of your own should, too.

mod body;
mod client;
mod ending;
mod layer;
mod service;

pub use body::RequestBody;
pub use client::ClientAddress;
pub use layer::RequestLayer;
pub use service::{RequestFuture, RequestService};

use crate::hop;

/// Says who makes the request around the caller: `uid` of all its records from here on. At most 256 bytes; a longer
/// one stands in `extra`. Outside of a request it does nothing.
pub fn set_uid(uid: &str) {
    hop::set_uid(uid);
}

/// The `req_id` of the request around the caller, e.g. for a page that tells of an error.
pub fn current_id() -> Option<String> {
    hop::current().map(|request| request.req_id)
}
