use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::chdb::Counts;
use crate::codec::{AnswerEncoding, Encoder};
use crate::exception::{Exception, Kind};
use crate::statement::failure;
use crate::statement::running::Entry;

/// Pieces of an answer that wait for a slow client; with [`PIECE_BYTES`] at most 4 MiB a statement.
const PIECES_IN_FLIGHT: usize = 4;

/// Largest piece handed to the HTTP side at once, before packing.
const PIECE_BYTES: usize = 1 << 20;

/// Answers up to this size are sent whole, with their length and final counts, and an error in them still
/// becomes an HTTP status. Longer ones are streamed.
const HELD_BYTES: usize = 256 << 10;

/// Largest answer that `wait_end_of_query=1` may hold in memory; a longer one fails.
pub(crate) const MAX_HELD_BYTES: usize = 64 << 20;

/// What the HTTP side is told first.
pub(crate) enum Reply {
    /// The statement failed before any of its answer was sent.
    /// With the format to say so in, if not in plain text.
    Failed(Exception, Option<String>),
    Whole(Head, Bytes),
    Streamed(Head, mpsc::Receiver<Piece>),
}

#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) format: String,
    pub(crate) counts: Counts,
}

/// One piece of a streamed answer. A channel that closes without `End` is a statement that died.
pub(crate) enum Piece {
    Data(Bytes),
    /// The exception, written so that the client can find it in the cut answer.
    Exception(Bytes),
    End,
}

/// How much of an answer is collected before the first byte goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    bytes: usize,
    whole: bool,
}

impl Hold {
    /// `wait_end_of_query` holds all of it, `buffer_size` at least that much.
    pub(crate) fn new(wait_end_of_query: bool, buffer_size: usize) -> Self {
        if wait_end_of_query {
            Self { bytes: MAX_HELD_BYTES, whole: true }
        } else {
            Self { bytes: buffer_size.clamp(HELD_BYTES, MAX_HELD_BYTES), whole: false }
        }
    }
}

/// Why an answer cannot go on.
pub(crate) enum Stuck {
    /// Nobody reads it any more.
    ClientGone,
    Failed(Exception),
}

/// The statement's end of its answer.
pub(crate) struct Answer {
    reply: oneshot::Sender<Reply>,
    encoding: AnswerEncoding,
    hold: Hold,
    /// Marks the exception in a cut answer; the client knows it from a header.
    exception_tag: String,
    version: String,
    entry: Arc<Entry>,
    /// The format that errors are written in, if not as plain text.
    error_format: Option<String>,
}

impl Answer {
    pub(crate) fn new(
        reply: oneshot::Sender<Reply>,
        encoding: AnswerEncoding,
        hold: Hold,
        exception_tag: String,
        version: String,
        entry: Arc<Entry>,
        error_format: Option<String>,
    ) -> Self {
        Self { reply, encoding, hold, exception_tag, version, entry, error_format }
    }

    /// Ends without an answer's first byte.
    pub(crate) fn fail(self, exception: Exception) {
        // A client that is gone does not need to know.
        drop(self.reply.send(Reply::Failed(exception, self.error_format)));
    }

    /// The statement names this format for its answer.
    pub(crate) fn is_in(&mut self, format: &str) {
        if let Some(error_format) = &mut self.error_format {
            format.clone_into(error_format);
        }
    }

    /// Whether anybody still waits for it.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    pub(crate) fn begin(self, format: String) -> Writer {
        Writer {
            held: Vec::new(),
            head: Head { format, counts: Counts::default() },
            state: State::Holding(self),
        }
    }
}

/// An answer whose format is known.
pub(crate) struct Writer {
    held: Vec<u8>,
    head: Head,
    state: State,
}

enum State {
    Holding(Answer),
    Streaming {
        encoder: Encoder,
        pieces: Pieces,
        exception_tag: String,
        version: String,
        error_format: Option<String>,
    },
    Over,
}

/// The way to a client, who may be slow. Whoever is cancelled does not wait for him.
struct Pieces {
    sender: mpsc::Sender<Piece>,
    entry: Arc<Entry>,
}

impl Pieces {
    /// False if nobody takes it any more.
    fn send(&self, piece: Piece) -> bool {
        let piece = match self.sender.try_send(piece) {
            Ok(()) => return true,
            Err(mpsc::error::TrySendError::Closed(_)) => return false,
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
        };
        tokio::runtime::Handle::current().block_on(async {
            tokio::select! {
                sent = self.sender.send(piece) => sent.is_ok(),
                () = self.entry.cancelled() => false,
            }
        })
    }
}

impl Writer {
    /// Takes the next part of the answer; waits while the client is behind.
    pub(crate) fn write(&mut self, data: &[u8], counts: Counts) -> Result<(), Stuck> {
        self.head.counts += counts;
        if let State::Holding(answer) = &self.state {
            if self.held.len() + data.len() <= answer.hold.bytes {
                self.held.extend_from_slice(data);
                return if answer.is_abandoned() { Err(Stuck::ClientGone) } else { Ok(()) };
            }
            if answer.hold.whole {
                return Err(Stuck::Failed(Exception::new(
                    Kind::TooManyRowsOrBytes,
                    format_args!(
                        "wait_end_of_query=1 holds answers of up to {MAX_HELD_BYTES} bytes and this one is longer"
                    ),
                )));
            }
            self.start_streaming()?;
            let held = std::mem::take(&mut self.held);
            self.send(&held)?;
        }
        self.send(data)
    }

    fn start_streaming(&mut self) -> Result<(), Stuck> {
        let State::Holding(answer) = std::mem::replace(&mut self.state, State::Over) else { return Ok(()) };
        let (pieces, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        let encoder = Encoder::new(answer.encoding).map_err(|error| Stuck::Failed(error.into()))?;
        answer.reply.send(Reply::Streamed(self.head.clone(), receiver)).map_err(|_| Stuck::ClientGone)?;
        self.state = State::Streaming {
            encoder,
            pieces: Pieces { sender: pieces, entry: answer.entry },
            exception_tag: answer.exception_tag,
            version: answer.version,
            error_format: answer.error_format,
        };
        Ok(())
    }

    fn send(&mut self, data: &[u8]) -> Result<(), Stuck> {
        let State::Streaming { encoder, pieces, .. } = &mut self.state else { return Ok(()) };
        for part in data.chunks(PIECE_BYTES) {
            let packed = encoder.push(part).map_err(|error| Stuck::Failed(error.into()))?;
            if !packed.is_empty() && !pieces.send(Piece::Data(packed)) {
                return Err(Stuck::ClientGone);
            }
        }
        Ok(())
    }

    /// Ends a whole answer.
    pub(crate) fn finish(self, counts: Counts) {
        let Self { held, mut head, state } = self;
        head.counts += counts;
        match state {
            State::Holding(answer) => {
                let reply = match pack(answer.encoding, &held) {
                    Ok(body) => Reply::Whole(head, body),
                    Err(error) => Reply::Failed(error.into(), None),
                };
                drop(answer.reply.send(reply));
            }
            State::Streaming { encoder, pieces, .. } => finish(encoder, &pieces, b""),
            State::Over => {}
        }
    }

    /// Ends an answer that cannot be completed: as an HTTP error if nothing was sent, else as ClickHouse
    /// does, with the exception's text at the end of a body that is then cut.
    ///
    /// ```text
    /// \r\n__exception__\r\n<tag>\r\n<text>\n<length of text and \n> <tag>\r\n__exception__\r\n
    /// ```
    pub(crate) fn fail(self, exception: Exception) {
        match self.state {
            State::Holding(answer) => answer.fail(exception),
            State::Streaming { mut encoder, pieces, exception_tag: tag, version, error_format } => {
                let text = exception.line(&version);
                if let Some(line) = error_format.and_then(|format| failure::line(&format, text.trim_end())) {
                    return finish(encoder, &pieces, line.as_bytes());
                }
                let trailer =
                    format!("\r\n__exception__\r\n{tag}\r\n{text}{} {tag}\r\n__exception__\r\n", text.len());
                let mut packed = encoder.push(trailer.as_bytes()).unwrap_or_default().to_vec();
                packed.extend_from_slice(&encoder.finish().unwrap_or_default());
                pieces.send(Piece::Exception(packed.into()));
            }
            State::Over => {}
        }
    }
}

/// Ends an answer that is whole, after these last bytes.
fn finish(mut encoder: Encoder, pieces: &Pieces, last: &[u8]) {
    let packed = if last.is_empty() { Ok(Bytes::new()) } else { encoder.push(last) };
    let Ok(packed) = packed else { return };
    let Ok(rest) = encoder.finish() else { return };
    for part in [packed, rest] {
        if !part.is_empty() && !pieces.send(Piece::Data(part)) {
            return;
        }
    }
    pieces.send(Piece::End);
}

/// Packs a whole body at once; an error text, too, is packed as the client asked.
pub(crate) fn pack(encoding: AnswerEncoding, body: &[u8]) -> std::io::Result<Bytes> {
    if encoding == AnswerEncoding::Plain {
        return Ok(Bytes::copy_from_slice(body));
    }
    let mut encoder = Encoder::new(encoding)?;
    let mut packed = encoder.push(body)?.to_vec();
    packed.extend_from_slice(&encoder.finish()?);
    Ok(packed.into())
}
