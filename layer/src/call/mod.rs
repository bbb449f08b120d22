//! Calls of other services with `reqwest` (feature `reqwest`), as hops of the request.
//!
//! ```
//! use log_center::call::Logged;
//!
//! # async fn prices() -> Result<String, reqwest::Error> {
//! let client = reqwest::Client::new();
//! let answer = client.get("http://prices:8080/eur").logged().send().await?;
//! # answer.text().await
//! # }
//! ```
//!
//! Whatever reqwest can be told is told before [`logged`](Logged::logged). A call begins with a `service-start` and
//! ends with one of
//!
//! | record | level | when |
//! |---|---|---|
//! | `service-end` | INFO | the head of an answer below status 500 is there |
//! | `service-err` | WARN | a status from 500 on, no answer, or a future that was dropped before there was one |
//!
//! with `service_req` (`host`, and `path` without its query) and `service_res` (`http_code`, `tm`, `err`). A call has
//! a `span_id` of its own, whose `parent_id` is the request's; what reqwest and hyper log meanwhile has it too.
//! `X-Request-Id` and `traceparent` go out with the request, in place of any that it had. The id of an answering
//! service's hop has the call's as `parent_id`, so that all hops make one tree.
//!
//! A call outside of every request is a request of its own, with a new `req_id`.

mod body;
mod ending;

use crate::hop::{SPAN_TARGET, TraceContext, current, new_req_id, new_span_id};
use body::CapturedBody;
use ending::Ending;
use reqwest::{Request, RequestBuilder, Response, ResponseBuilderExt};
use tracing::{Instrument, Span};

/// Makes calls that are logged. On every [`reqwest::RequestBuilder`].
pub trait Logged {
    /// The same call, as a hop of the request around the caller.
    fn logged(self) -> Call;
}

impl Logged for RequestBuilder {
    fn logged(self) -> Call {
        Call { builder: self, captures_payload: false, captures_body: false }
    }
}

/// A call to be sent, from [`Logged::logged`].
#[derive(Debug)]
#[must_use = "a call does nothing until `send`"]
pub struct Call {
    builder: RequestBuilder,
    captures_payload: bool,
    captures_body: bool,
}

impl Call {
    /// Puts what is sent into `service_req.payload`, cut at
    /// [`CALL_TEXT_BYTES`](crate::limits::CALL_TEXT_BYTES). Default: not, it may be anybody's secret. A body that is
    /// a stream is never captured.
    pub fn capture_payload(mut self) -> Self {
        self.captures_payload = true;
        self
    }

    /// Puts what is answered into `service_res.body`, cut at [`CALL_TEXT_BYTES`](crate::limits::CALL_TEXT_BYTES).
    /// Default: not. The call then ends, for `tm` and the record, when its body was read or dropped.
    pub fn capture_body(mut self) -> Self {
        self.captures_body = true;
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// Those of [`reqwest::RequestBuilder::send`]. An answer is none, whatever its status.
    pub async fn send(self) -> Result<Response, reqwest::Error> {
        let (client, request) = self.builder.build_split();
        // What cannot be built calls nobody.
        let mut request = request?;
        let span = open(&mut request);
        let mut ending = Ending::new(span.clone(), &request, self.captures_payload);
        match client.execute(request).instrument(span).await {
            Ok(response) => {
                ending.answered(response.status());
                if self.captures_body {
                    return Ok(capture(response, ending));
                }
                ending.finish();
                Ok(response)
            }
            Err(error) => {
                ending.failed(&error);
                ending.finish();
                Err(error)
            }
        }
    }
}

/// Opens the span of a call, and tells the called service of it.
fn open(request: &mut Request) -> Span {
    let span_id = new_span_id();
    let (span, req_id) = match current() {
        Some(TraceContext { req_id, span_id: parent_id }) => {
            let span = tracing::error_span!(target: SPAN_TARGET, "call", span_id, parent_id);
            (span, req_id)
        }
        None => {
            let req_id = new_req_id();
            let span = tracing::error_span!(target: SPAN_TARGET, "call", req_id, span_id, parent_id = "");
            (span, req_id)
        }
    };
    TraceContext { req_id, span_id }.depart(request.headers_mut());
    span
}

/// The same answer, whose body is looked at while the caller reads it.
fn capture(response: Response, ending: Ending) -> Response {
    // reqwest keeps the address in an extension that only its own trait can set.
    let address = http::Response::builder().url(response.url().clone()).body(());
    let (mut head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    if let Ok(address) = address {
        head.extensions.extend(address.into_parts().0.extensions);
    }
    let body = reqwest::Body::wrap(CapturedBody::new(body, ending));
    Response::from(http::Response::from_parts(head, body))
}
