//! The body of a request on its way in: within its time, at a minimum of speed, and whole, or as much of it as a statement can begin
//! with, before the statement gets a turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::exception::{Exception, Kind};
use crate::limits::{
    BODY_BYTES_A_SECOND, BODY_BYTES_BEFORE_TURN, BODY_PAUSE, BODY_TIME, MAX_STATEMENT_BYTES,
    STRANGERS_BODIES_BYTES, STRANGERS_BODY_BYTES,
};
use crate::statement::Caller;
use crate::statement::input::{self, Input};
use crate::statement::run::cancelled;
use crate::statement::running::Entry;

/// Most that is read of a body after its statement failed; more is cut off.
const MAX_DRAINED_BYTES: usize = 64 << 20;

/// Longest pause in what is read so.
const MAX_DRAIN_PAUSE: Duration = Duration::from_secs(2);

/// What the bodies of strangers hold that wait for their end or their turn, bytes.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The part of a body that is here before its statement has a turn.
pub(super) struct Arrived {
    first: VecDeque<Bytes>,
    rest: Option<Arriving>,
    room: Room,
}

impl Arrived {
    pub(super) fn nothing() -> Self {
        Self { first: VecDeque::new(), rest: None, room: Room::default() }
    }

    /// Where the statement reads its body from; what is still to come is carried there by a task.
    pub(super) fn open(self, entry: Arc<Entry>) -> Input {
        let Some(rest) = self.rest else { return Input::whole(self.first) };
        let (pieces, input) = Input::channel(self.first);
        tokio::spawn(pump(rest, pieces, entry));
        input
    }
}

/// Waits until a statement can begin. For a stranger, that is when all of his body is here.
pub(super) async fn gather(body: Incoming, caller: Caller) -> Result<Arrived, Exception> {
    let mut rest = Arriving::new(body);
    let mut arrived = Arrived::nothing();
    let mut length = 0;
    loop {
        if caller.shows_password() && length >= BODY_BYTES_BEFORE_TURN {
            return Ok(Arrived { rest: Some(rest), ..arrived });
        }
        let piece = match rest.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(arrived),
            Err(exception) => return Err(exception),
        };
        length += piece.len();
        if !caller.shows_password() {
            let taken =
                if length > STRANGERS_BODY_BYTES { Err(too_long()) } else { arrived.room.grow(piece.len()) };
            if let Err(refusal) = taken {
                tokio::spawn(drain(rest.body));
                return Err(refusal);
            }
        }
        arrived.first.push_back(piece);
    }
}

fn too_long() -> Exception {
    Exception::new(
        Kind::QueryIsTooLarge,
        format_args!("the statement is longer than {MAX_STATEMENT_BYTES} bytes"),
    )
}

/// The pieces of a form. `room` is where they count, if they do.
pub(super) fn pieces(
    body: Incoming,
    room: Option<Arc<Room>>,
) -> impl Stream<Item = Result<Bytes, Exception>> + Send {
    stream::try_unfold(Arriving::new(body), move |mut arriving| {
        let room = room.clone();
        async move {
            let Some(piece) = arriving.next().await? else { return Ok(None) };
            room.map_or(Ok(()), |room| room.grow(piece.len()))?;
            Ok(Some((piece, arriving)))
        }
    })
}

/// Room that a stranger's body takes until its statement begins.
#[derive(Debug, Default)]
pub(super) struct Room(AtomicUsize);

impl Room {
    fn grow(&self, bytes: usize) -> Result<(), Exception> {
        self.0.fetch_add(bytes, Ordering::AcqRel);
        if WAITING.fetch_add(bytes, Ordering::AcqRel) + bytes > STRANGERS_BODIES_BYTES {
            return Err(Exception::new(
                Kind::TooManySimultaneousQueries,
                "Too many simultaneous queries: their texts take too much memory",
            ));
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        WAITING.fetch_sub(self.0.load(Ordering::Acquire), Ordering::AcqRel);
    }
}

/// A body with its limits on time.
struct Arriving {
    body: Incoming,
    begun: Instant,
    bytes: u64,
}

impl Arriving {
    fn new(body: Incoming) -> Self {
        Self { body, begun: Instant::now(), bytes: 0 }
    }

    /// The next piece, which is not empty; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Exception> {
        loop {
            let due = BODY_TIME + Duration::from_millis(self.bytes * 1000 / BODY_BYTES_A_SECOND);
            let left = due.saturating_sub(self.begun.elapsed());
            return match timeout(left.min(BODY_PAUSE), self.body.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.bytes += data.len() as u64;
                        Ok(Some(data))
                    }
                    Ok(_) | Err(_) => continue,
                },
                Ok(Some(Err(_))) => Err(input::client_gone()),
                Ok(None) => Ok(None),
                Err(_) => Err(Exception::new(
                    Kind::SocketTimeout,
                    format_args!(
                        "the body of the request comes too slowly: a pause may take {} s, and after {} s it has to have come at \
                         {BODY_BYTES_A_SECOND} bytes a second",
                        BODY_PAUSE.as_secs(),
                        BODY_TIME.as_secs()
                    ),
                )),
            };
        }
    }
}

/// Carries the rest of a body to its statement, until either ends.
async fn pump(mut rest: Arriving, pieces: mpsc::Sender<input::Piece>, entry: Arc<Entry>) {
    loop {
        let piece = tokio::select! {
            piece = rest.next() => piece.map(Option::unwrap_or_default),
            () = entry.cancelled() => Err(cancelled()),
        };
        let is_last = !matches!(&piece, Ok(data) if !data.is_empty());
        let waited_from = Instant::now();
        let is_taken = pieces.send(piece).await.is_ok();
        // The time that the statement lets its client wait is not the client's.
        rest.begun += waited_from.elapsed();
        if is_last {
            return;
        }
        if !is_taken {
            return drain(rest.body).await;
        }
    }
}

/// Takes the rest of a body that its statement does not want any more, within limits: a client that is
/// still sending would otherwise find its connection reset and never see why.
async fn drain(mut body: Incoming) {
    let mut drained = 0;
    while drained < MAX_DRAINED_BYTES && !body.is_end_stream() {
        match timeout(MAX_DRAIN_PAUSE, body.frame()).await {
            Ok(Some(Ok(frame))) => drained += frame.data_ref().map_or(0, Bytes::len),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}
