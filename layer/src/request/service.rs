use super::body::RequestBody;
use super::client::{rrdid, text};
use super::ending::{Ending, Outcome};
use super::layer::Settings;
use crate::hop::{Arrival, SPAN_TARGET, X_REQUEST_ID, new_span_id};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;
use tracing::instrument::{Instrument, Instrumented};

/// A service each of whose requests has a span and two records. Made by [`RequestLayer`](super::RequestLayer).
#[derive(Debug, Clone)]
pub struct RequestService<S> {
    inner: S,
    settings: Settings,
}

impl<S> RequestService<S> {
    pub(super) fn new(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<RequestBody<R>>;
    type Error = S::Error;
    type Future = RequestFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> RequestFuture<S::Future> {
        let (parts, body) = request.into_parts();
        let (mut ending, req_id) = begin(&parts, &self.settings);
        let request = Request::from_parts(parts, body);
        let span = ending.span.clone();
        let future = ending.watch(|| span.in_scope(|| self.inner.call(request)));
        RequestFuture { future: future.instrument(span), ending: Some(ending), req_id }
    }
}

/// Opens the span of a request.
fn begin(parts: &Parts, settings: &Settings) -> (Ending, String) {
    let arrived = Arrival::read(&parts.headers);
    let peer = (settings.peer)(parts);
    // What is absent is said to be: a service inside of another one's request must not take on its client.
    let span = tracing::error_span!(
        target: SPAN_TARGET,
        "request",
        req_id = arrived.req_id,
        rrdid = rrdid(parts, &settings.rrdid_header, &settings.rrdid_cookie).unwrap_or_default(),
        uid = "",
        span_id = new_span_id(),
        parent_id = arrived.parent_id,
        url = parts.uri.path_and_query().map_or("", |path| path.as_str()),
        ip = settings.address.of(parts, peer).map(tracing::field::display),
        ua = text(parts, &USER_AGENT).unwrap_or_default(),
    );
    let ending = Ending::new(span, parts.method.clone(), (settings.route)(parts), arrived.refused);
    (ending, arrived.req_id)
}

pin_project! {
    /// The future of a [`RequestService`].
    pub struct RequestFuture<F> {
        // Above `ending`, so that what the handler logs while it is dropped comes before the `client-res`.
        #[pin]
        future: Instrumented<F>,
        ending: Option<Ending>,
        req_id: String,
    }
}

impl<F, R, E> Future for RequestFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<RequestBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let future = this.future;
        let polled = match this.ending.as_mut() {
            Some(ending) => ending.watch(|| future.poll(context)),
            None => future.poll(context),
        };
        let Poll::Ready(result) = polled else { return Poll::Pending };
        // A future that has ended is not polled again; without its ending it would have nothing to tell.
        let ending = this.ending.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                if let Ok(id) = HeaderValue::from_str(this.req_id) {
                    response.headers_mut().insert(X_REQUEST_ID, id);
                }
                let (parts, body) = response.into_parts();
                let body = RequestBody::new(body, &parts, ending);
                Ok(Response::from_parts(parts, body))
            }
            Err(error) => {
                if let Some(mut ending) = ending {
                    ending.finish(Outcome::Failed);
                }
                Err(error)
            }
        })
    }
}

impl<F> std::fmt::Debug for RequestFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestFuture").field("req_id", &self.req_id).finish_non_exhaustive()
    }
}
