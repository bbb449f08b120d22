//! Bodies on the asynchronous side.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep, timeout};

use crate::exception::{Exception, Kind};
use crate::statement::answer::Piece;
use crate::statement::input;
use crate::statement::running::ClientWatch;

/// Longest pause of a client inside its request; ClickHouse's `http_receive_timeout`, doubled.
pub(super) const MAX_REQUEST_PAUSE: Duration = Duration::from_secs(60);

/// Most that is read of a body after its statement failed; more is cut off.
const MAX_DRAINED_BYTES: usize = 64 << 20;

/// Longest pause in what is read so.
const MAX_DRAIN_PAUSE: Duration = Duration::from_secs(2);

/// Time for the text of an exception to leave before the connection is cut behind it. A client that passes the answer on may
/// read as slowly as its own client does.
const EXCEPTION_GRACE: Duration = Duration::from_secs(1);

/// Carries a request's body to its statement, until either ends.
pub(super) async fn pump(mut body: Incoming, pieces: mpsc::Sender<input::Piece>) {
    loop {
        let piece = match timeout(MAX_REQUEST_PAUSE, body.frame()).await {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if data.is_empty() => continue,
                Ok(data) => Ok(data),
                Err(_trailers) => continue,
            },
            Ok(Some(Err(_))) => Err(input::client_gone()),
            Ok(None) => Ok(Bytes::new()),
            Err(_) => Err(Exception::new(
                Kind::SocketTimeout,
                format_args!("no data of the request for {} s", MAX_REQUEST_PAUSE.as_secs()),
            )),
        };
        let last = !matches!(&piece, Ok(data) if !data.is_empty());
        let taken = pieces.send(piece).await.is_ok();
        if last {
            return;
        }
        if !taken {
            return drain(body).await;
        }
    }
}

/// Takes the rest of a body that its statement does not want any more, within limits: a client that is
/// still sending would otherwise find its connection reset and never see why.
async fn drain(mut body: Incoming) {
    let mut drained = 0;
    while drained < MAX_DRAINED_BYTES {
        match timeout(MAX_DRAIN_PAUSE, body.frame()).await {
            Ok(Some(Ok(frame))) => drained += frame.data_ref().map_or(0, Bytes::len),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}

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
