//! The least HTTP/1.1 client that a load generator can do with: one keep-alive connection, ready-made requests, answers
//! with `Content-Length`. A full client would take more of the machine than the server under test is allowed to.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Headers of an answer that are understood; more is an error.
const HEADERS_AT_MOST: usize = 32;

/// Bytes of an answer, head and body; more is an error.
const ANSWER_BYTES_AT_MOST: usize = 1 << 20;

/// Bytes read at a time.
const READ_BYTES: usize = 4 << 10;

/// A keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, borrowed from the connection that it came over.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects to `address`.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(READ_BYTES) })
    }

    /// Sends a whole request and waits for its answer.
    ///
    /// # Errors
    /// A broken connection, or an answer that is no HTTP/1.1 with `Content-Length`. The connection is of no use then.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.received.clear();
        self.stream.write_all(request).await.context("cannot send")?;
        loop {
            self.received.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.received).await.context("cannot receive")?;
            ensure!(read > 0, "the connection was closed before the answer");
            ensure!(self.received.len() <= ANSWER_BYTES_AT_MOST, "the answer is too long");
            if let Some((status, head, body)) = head_of(&self.received)? {
                let missing = (head + body).saturating_sub(self.received.len());
                if missing == 0 {
                    ensure!(self.received.len() == head + body, "the answer is longer than it says");
                    return Ok(Answer { status, body: &self.received[head..] });
                }
            }
        }
    }
}

/// Status, length of the head and length of the body, once the head is complete.
fn head_of(received: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_AT_MOST];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received).context("not HTTP")? else {
        return Ok(None);
    };
    let status = response.code.context("no status")?;
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let Some(length) = length else { bail!("status {status} without Content-Length") };
    let length = std::str::from_utf8(length.value)?.trim().parse().context("Content-Length is no number")?;
    Ok(Some((status, head, length)))
}
