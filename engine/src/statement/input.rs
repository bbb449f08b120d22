use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

use crate::exception::Exception;

/// Pieces of a body on their way to the statement: with hyper's read buffer of up to 400 KiB a piece,
/// at most 2 MiB a statement.
const PIECES_IN_FLIGHT: usize = 4;

pub(crate) type Piece = Result<Bytes, Exception>;

/// A body as the blocking side reads it. It ends well only after an empty piece; a sender that vanishes is a
/// client that vanished.
pub(crate) struct Input {
    first: VecDeque<Bytes>,
    pieces: Option<mpsc::Receiver<Piece>>,
    current: Bytes,
}

impl Input {
    /// No body at all, or one that is already here.
    pub(crate) fn whole(body: VecDeque<Bytes>) -> Self {
        Self { first: body, pieces: None, current: Bytes::new() }
    }

    /// One that begins so and goes on with what is sent.
    pub(crate) fn channel(first: VecDeque<Bytes>) -> (mpsc::Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        (sender, Self { first, pieces: Some(receiver), current: Bytes::new() })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            if let Some(piece) = self.first.pop_front() {
                self.current = piece;
                continue;
            }
            let Some(pieces) = &mut self.pieces else { return Ok(0) };
            match pieces.blocking_recv() {
                Some(Ok(piece)) if piece.is_empty() => self.pieces = None,
                Some(Ok(piece)) => self.current = piece,
                Some(Err(exception)) => return Err(exception.into()),
                None => return Err(client_gone().into()),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current[..count]);
        self.current.advance(count);
        Ok(count)
    }
}

pub(crate) fn client_gone() -> Exception {
    Exception::new(
        crate::exception::Kind::NetworkError,
        "the client closed the connection before its request was complete",
    )
}
