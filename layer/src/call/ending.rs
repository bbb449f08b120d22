use crate::failure::sources;
use crate::hop::{Failure, HopRecord, ServiceRequest, ServiceResponse, Site};
use crate::limits::CALL_TEXT_BYTES;
use http::{Method, StatusCode};
use log_center_wire::EventKind;
use reqwest::{Request, Url};
use std::time::Instant;
use tracing::Span;

/// What a call's record says if nobody waited for the answer.
const DROPPED: &str = "dropped before there was an answer";

/// The end of a call that is under way. However it ends, one record is written, when this is dropped at the latest.
pub(super) struct Ending {
    span: Span,
    started: Instant,
    method: Method,
    request: ServiceRequest,
    status: Option<StatusCode>,
    failure: Option<Failure>,
    body: Option<String>,
    finished: bool,
}

impl Ending {
    /// Of a call that begins now; writes its `service-start`.
    pub(super) fn new(span: Span, request: &Request, captures_payload: bool) -> Self {
        let url = request.url();
        let payload = request.body().filter(|_| captures_payload).and_then(|body| body.as_bytes());
        let method = request.method().clone();
        let request =
            ServiceRequest { host: host(url), path: url.path().to_owned(), payload: payload.map(text) };
        Site::CALL_BEGINS.write(&span, || {
            HopRecord::new(EventKind::ServiceStart)
                .service_req(request.clone())
                .pair("method", method.as_str())
        });
        let started = Instant::now();
        Self { span, started, method, request, status: None, failure: None, body: None, finished: false }
    }

    /// There is an answer.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        if status.is_server_error() {
            self.failure = Some(failure("HttpStatus", format!("answered {status}")));
        }
    }

    /// There is none, or not all of it.
    pub(super) fn failed(&mut self, error: &reqwest::Error) {
        self.failure = Some(Failure {
            error_type: kind(error),
            message: without_url(error),
            causes: sources(error).map(ToString::to_string).collect(),
        });
    }

    /// The body so far is this.
    pub(super) fn read(&mut self, body: &[u8]) {
        self.body = Some(text(body));
    }

    /// Writes the record, once.
    pub(super) fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let tm = self.started.elapsed();
        if self.status.is_none() && self.failure.is_none() {
            self.failure = Some(failure("Cancelled", DROPPED.to_owned()));
        }
        let (site, event) = match &self.failure {
            Some(_) => (Site::CALL_FAILED, EventKind::ServiceErr),
            None => (Site::CALL_ANSWERED, EventKind::ServiceEnd),
        };
        site.write(&self.span, || {
            let failure = self.failure.take();
            let response = ServiceResponse {
                http_code: self.status.map(|status| status.as_u16()),
                tm,
                body: self.body.take(),
                err: failure.as_ref().map(Failure::in_one_line),
            };
            HopRecord::new(event)
                .service_req(std::mem::take(&mut self.request))
                .service_res(response)
                .pair("method", self.method.as_str())
                .failure(failure)
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.finish();
    }
}

fn failure(error_type: &'static str, message: String) -> Failure {
    Failure { error_type, message, causes: Vec::new() }
}

/// Host and port, never the name and password before it.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// At most `CALL_TEXT_BYTES` of it.
fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..CALL_TEXT_BYTES);
    let mut text = String::from_utf8_lossy(cut.unwrap_or(bytes)).into_owned();
    if cut.is_some_and(|cut| cut.len() < bytes.len()) {
        text.push('…');
    }
    text
}

/// What went wrong, as a name to group by.
fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "Timeout"
    } else if error.is_connect() {
        "Connect"
    } else if error.is_redirect() {
        "Redirect"
    } else if error.is_body() || error.is_decode() {
        "Body"
    } else {
        "Request"
    }
}

/// reqwest's own words end with the whole address, the query and all that is secret in it too.
fn without_url(error: &reqwest::Error) -> String {
    let words = error.to_string();
    match error.url() {
        Some(url) => words.replace(&format!(" for url ({url})"), ""),
        None => words,
    }
}
