use super::ending::Ending;
use crate::limits::CALL_TEXT_BYTES;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body of an answer, the start of which is kept for the record.
pub(super) struct CapturedBody {
    body: reqwest::Body,
    ending: Ending,
    /// One byte more than is written, so that the cut is seen.
    kept: Vec<u8>,
}

impl CapturedBody {
    pub(super) fn new(body: reqwest::Body, ending: Ending) -> Self {
        Self { body, ending, kept: Vec::new() }
    }

    fn finish(&mut self) {
        self.ending.read(&self.kept);
        self.ending.finish();
    }
}

impl Body for CapturedBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
                let room = (CALL_TEXT_BYTES + 1).saturating_sub(self.kept.len());
                self.kept.extend_from_slice(&data[..room.min(data.len())]);
            }
            Some(Err(error)) => {
                self.ending.failed(error);
                self.finish();
            }
            None => self.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for CapturedBody {
    fn drop(&mut self) {
        // The caller has read as much as it wanted.
        self.finish();
    }
}
