//! The body of an answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use crate::statement::answer::Piece;
use crate::statement::running::ClientWatch;

/// Time for the text of an exception to leave before the connection is cut behind it. A client that passes the answer on may
/// read as slowly as its own client does.
const EXCEPTION_GRACE: Duration = Duration::from_secs(1);

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Whole(Bytes),
    Streamed(Streamed),
}

/// Pieces as the statement makes them. Ends with an error, which makes hyper cut the connection, unless
/// the statement said that it was whole. Dropped early, it ends the statement.
pub(crate) struct Streamed {
    pieces: mpsc::Receiver<Piece>,
    cut: Option<Pin<Box<Sleep>>>,
    _watch: ClientWatch,
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed").finish_non_exhaustive()
    }
}

impl Streamed {
    pub(super) fn new(pieces: mpsc::Receiver<Piece>, watch: ClientWatch) -> Self {
        Self { pieces, cut: None, _watch: watch }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(cut) = &mut self.cut {
            return cut.as_mut().poll(context).map(|()| Some(Err(Cut)));
        }
        match std::task::ready!(self.pieces.poll_recv(context)) {
            Some(Piece::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Piece::Exception(text)) => {
                self.cut = Some(Box::pin(sleep(EXCEPTION_GRACE)));
                Poll::Ready(Some(Ok(Frame::data(text))))
            }
            Some(Piece::End) => Poll::Ready(None),
            None => Poll::Ready(Some(Err(Cut))),
        }
    }
}

/// The answer did not reach its end.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the statement failed in the middle of its answer")
    }
}

impl std::error::Error for Cut {}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(body) if body.is_empty() => Poll::Ready(None),
            Self::Whole(body) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(body))))),
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}
