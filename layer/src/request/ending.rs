use crate::hop::{Failure, HopRecord, Site};
use crate::process::PanicNote;
use crate::process::panic::{self, Caught};
use http::{Method, StatusCode};
use log_center_wire::EventKind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;
use tracing::Span;

/// The end of a request that is under way. However it ends, one `client-res` is written: by [`finish`](Self::finish),
/// or when this is dropped before.
pub(super) struct Ending {
    pub(super) span: Span,
    started: Instant,
    pub(super) method: Method,
    route: Option<String>,
    pub(super) status: Option<StatusCode>,
    pub(super) bytes: u64,
    finished: bool,
}

/// How a request ended.
pub(super) enum Outcome {
    Answered,
    Failed,
    Cancelled,
    /// What it said, and what else is known of it.
    Panicked(String, Option<Arc<PanicNote>>),
}

impl Ending {
    /// Of a request that begins now; writes its `client-req`.
    pub(super) fn new(span: Span, method: Method, route: Option<String>, refused: Option<String>) -> Self {
        Site::REQUEST_RECEIVED.write(&span, || {
            HopRecord::new(EventKind::ClientReq)
                .pair("method", method.as_str())
                .maybe_pair("route", route.as_deref())
                .maybe_pair("x_request_id", refused)
        });
        let started = Instant::now();
        Self { span, started, method, route, status: None, bytes: 0, finished: false }
    }

    /// Runs a step of the request. A panic ends the request and goes on.
    pub(super) fn watch<T>(&mut self, step: impl FnOnce() -> T) -> T {
        match panic::watch(step) {
            Ok(value) => value,
            Err(Caught { payload, note }) => {
                self.finish(Outcome::Panicked(panic::words(&*payload), note));
                resume_unwind(payload)
            }
        }
    }

    /// Writes the `client-res`, once.
    pub(super) fn finish(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let tm = self.started.elapsed();
        let failed = self.status.is_some_and(|status| status.is_server_error());
        let (site, word) = match &outcome {
            Outcome::Answered if failed => (Site::REQUEST_FAILED, None),
            Outcome::Answered => (Site::REQUEST_ANSWERED, None),
            Outcome::Failed => (Site::REQUEST_FAILED, Some("failed")),
            Outcome::Cancelled => (Site::REQUEST_CANCELLED, Some("cancelled")),
            Outcome::Panicked(..) => (Site::REQUEST_PANICKED, Some("panicked")),
        };
        site.write(&self.span, || {
            let (failure, note) = match outcome {
                Outcome::Panicked(message, note) => {
                    (Some(Failure { error_type: "panic", message, causes: Vec::new() }), note)
                }
                _ => (None, None),
            };
            HopRecord::new(EventKind::ClientRes)
                .tm(tm)
                .maybe_pair("status", self.status.map(|status| status.as_str().to_owned()))
                .maybe_pair("route", self.route.as_deref())
                .pair("method", self.method.as_str())
                .maybe_pair("bytes", self.status.map(|_| self.bytes.to_string()))
                .maybe_pair("outcome", word)
                .failure(failure)
                .panic(note)
        });
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled);
    }
}
