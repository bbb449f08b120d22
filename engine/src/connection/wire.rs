use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::Place;

/// How long the rest of a head that is refused is read.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A connection's bytes. It gives each head its time, and a text to the answers that hyper makes itself.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    place: Arc<Place>,
    /// How many requests there were before the head that has begun, if one has.
    head: Option<u64>,
    /// Runs while the rest of it is waited for. Nearly all heads come whole and need no timer.
    head_time: Option<Pin<Box<Sleep>>>,
    /// An answer that stands for one of hyper's, and how much of it is out.
    instead: Option<(&'static [u8], usize)>,
    /// Runs while the rest of what was answered so is read, and thrown away.
    linger: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// The bytes of the connection that has this place.
    pub fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self { stream, place, head: None, head_time: None, instead: None, linger: None }
    }

    /// Ends a head that takes too long.
    fn check_head(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(before) = self.head else { return Ok(()) };
        if before != self.place.requests() {
            // That head is complete.
            (self.head, self.head_time) = (None, None);
            return Ok(());
        }
        let time = self.head_time.get_or_insert_with(|| Box::pin(sleep(self.place.rules.head_time)));
        if time.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        // As much as the kernel takes at once, which is all of it unless the client reads nothing.
        drop(self.stream.try_write(self.place.rules.refusals.slow_head.as_bytes()));
        Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request did not arrive in time"))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_head(context)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before && self.head.is_none() && self.place.is_waiting() {
            self.head = Some(self.place.requests());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.instead.is_none()
            && self.place.is_waiting()
            && let Some(answer) = self.place.rules.refusals.instead_of(data)
        {
            self.instead = Some((answer.as_bytes(), 0));
        }
        while let Some((answer, out)) = self.instead {
            if out == answer.len() {
                // Nothing follows: hyper closes the connection.
                return Poll::Ready(Ok(data.len()));
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &answer[out..]))?;
            self.instead = Some((answer, out + written));
        }
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match buffers {
            [one] => self.poll_write(context, one),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if self.instead.is_none() {
            return Poll::Ready(Ok(()));
        }
        // Closed at once, with more of that head on its way, the client would see a broken connection and no answer.
        let Self { stream, linger, .. } = &mut *self;
        let time = linger.get_or_insert_with(|| Box::pin(sleep(LINGER_TIME)));
        let mut ignored = [0; 16 << 10];
        while time.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut ignored);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
