//! The HTTP interface: a file a noun, a function a verb.
//!
//! Every answer that is not a success is the contract's envelope, whoever refuses: a handler, the router, or the
//! last resort behind a panic.

pub(crate) mod compression;
pub(crate) mod cursor;
pub mod door;
pub mod events;
pub mod health;
pub mod issues;
pub mod metrics;
mod observe;
pub mod openapi;
mod origin;
pub(crate) mod page;
pub mod projects;
pub(crate) mod query;
pub mod reports;
pub mod requests;
pub mod sql;
pub mod stats;
mod step;

use crate::error::{ApiError, RETRY_AFTER_SECONDS};
use crate::event::retention::Retention;
use crate::intake::Intake;
use crate::parts::Parts;
use crate::readiness::Readiness;
use crate::spool::{Spool, SpoolError};
use crate::store::Store;
use crate::tail::Tail;
use crate::writer::Progress;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use log_center_engine::site::{self, Hosts};
use metrics_exporter_prometheus::PrometheusHandle;
use std::ops::Deref;
use std::sync::Arc;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;

/// What the handlers share. Cheap to clone: every request does.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

/// What the handlers work with.
pub struct Services {
    /// Where everything that arrives becomes durable.
    pub spool: Spool,
    /// Where everything is read from.
    pub store: Store,
    /// How far the writer is.
    pub progress: Arc<Progress>,
    /// Shows events as they arrive.
    pub tail: Tail,
    /// Who may ask SQL of their own at this moment.
    pub turns: sql::Turns,
    /// Whether the server can do its work, for `/health/ready`.
    pub readiness: Readiness,
    /// The parts of the tables.
    pub parts: Arc<Parts>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The names of this machine.
    pub hosts: Hosts,
    /// How long events are kept.
    pub retention: Arc<Retention>,
}

impl From<Services> for AppState {
    fn from(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl AppState {
    /// The way in for events.
    fn intake(&self) -> Intake<'_> {
        Intake { readiness: &self.readiness, spool: &self.spool, retention: &self.retention }
    }
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// All of it.
pub fn router(state: AppState) -> Router {
    let doors = metrics::routes(health::routes(openapi::routes(state.hosts.clone())));
    let missing = async || ApiError::NotFound("there is nothing at this path; see /docs".to_owned());
    let not_allowed = async || ApiError::MethodNotAllowed;
    doors
        .into_router(state, missing, not_allowed)
        // The handlers read bodies themselves, each within its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer((MapRequestLayer::new(compression::with_known_encodings), compression::compression()))
        .layer(from_fn(observe::observe))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let mut response =
                ApiError::Internal(text.unwrap_or_else(|| "a handler panicked".to_owned())).into_response();
            site::protect(response.headers_mut());
            response
        }))
}

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        let (code, retry_after_seconds) = match &error {
            SpoolError::UnknownIssue(_) => return ApiError::NotFound(error.to_string()),
            SpoolError::NotAllowed { from, to } => return ApiError::Transition { from: *from, to: *to },
            SpoolError::KeyReused(field) => return ApiError::KeyReused { field: field.as_str() },
            SpoolError::Full => ("spool_full", 5),
            SpoolError::Disk(_) => ("disk_failing", 5),
            // The way out names paths of this machine, which are for who runs it.
            SpoolError::Damaged(_) | SpoolError::NotOurs(_) => {
                return ApiError::Unavailable {
                    code: "spool_damaged",
                    message: "the spool is damaged; whoever runs the server finds the way out in /health and in its log"
                        .to_owned(),
                    retry_after_seconds: 60,
                };
            }
            SpoolError::Overloaded => ("overloaded", 1),
            SpoolError::Stopped => ("shutting_down", RETRY_AFTER_SECONDS),
        };
        ApiError::Unavailable { code, message: error.to_string(), retry_after_seconds }
    }
}
