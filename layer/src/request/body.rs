use super::ending::{Ending, Outcome};
use bytes::Buf;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tracing::instrument::{Instrument, Instrumented};

pin_project! {
    /// The body of an answer. The request has ended when this has.
    pub struct RequestBody<R> {
        // Above `ending`, as in the future.
        #[pin]
        body: Instrumented<R>,
        ending: Option<Ending>,
        // Left to be sent, if the answer's head says how much it is.
        announced: Option<u64>,
    }
}

impl<R: Body> RequestBody<R> {
    pub(super) fn new(body: R, head: &Parts, ending: Option<Ending>) -> Self {
        let announced = head.headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let Some(mut ending) = ending else {
            return Self { body: body.instrument(tracing::Span::none()), ending: None, announced };
        };
        ending.status = Some(head.status);
        // Such an answer has no body to send, so nobody asks this one for its end.
        let bodiless = ending.method == Method::HEAD
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || head.status.is_informational();
        if bodiless || body.is_end_stream() {
            ending.finish(Outcome::Answered);
        }
        Self { body: body.instrument(ending.span.clone()), ending: Some(ending), announced }
    }
}

impl<R: Body> Body for RequestBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        let mut this = self.project();
        let Some(ending) = this.ending.as_mut() else {
            return this.body.inner_pin_mut().poll_frame(context);
        };
        let span = ending.span.clone();
        let body = this.body.as_mut().inner_pin_mut();
        let frame = ready!(ending.watch(|| span.in_scope(|| body.poll_frame(context))));
        match &frame {
            Some(Ok(frame)) => {
                let sent = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                ending.bytes += sent;
                let all_sent = *this.announced == Some(ending.bytes);
                // The last frame may be the last that is asked for.
                if all_sent || this.body.inner().is_end_stream() {
                    ending.finish(Outcome::Answered);
                }
            }
            Some(Err(_)) => ending.finish(Outcome::Failed),
            None => ending.finish(Outcome::Answered),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.inner().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.inner().size_hint()
    }
}

impl<R> std::fmt::Debug for RequestBody<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let finished = self.ending.as_ref().is_none_or(Ending::is_finished);
        f.debug_struct("RequestBody").field("finished", &finished).finish_non_exhaustive()
    }
}
