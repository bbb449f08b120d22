//! A server with a fault, on a free port of the loopback, until this process ends.

use crate::fault::Fault;
use anyhow::{Context, Result};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What a slow reader reads, and how often.
const PIECE_BYTES: usize = 640;
const PIECE_PAUSE: Duration = Duration::from_millis(10);

/// Longest body that the server for small batches takes.
const SMALL_BATCH_BYTES: usize = 4 << 10;

/// Starts it. None if there is to be no server at all.
pub(crate) fn start(fault: Fault) -> Result<Option<SocketAddr>> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    let address = listener.local_addr()?;
    match fault {
        Fault::NoServer => return Ok(None),
        // The port was free a moment ago; nobody listens there.
        Fault::Refused => return Ok(Some(address)),
        _ => {}
    }
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(fault, stream));
        }
    });
    Ok(Some(address))
}

/// Ends with the connection.
fn serve(fault: Fault, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    while let Ok(true) = answer(fault, &mut reader) {}
}

/// Whether the connection lives on.
fn answer(fault: Fault, reader: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(false);
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    match fault {
        Fault::ClosesInRequest => {
            let half = body.len() / 2;
            reader.read_exact(&mut body[..half])?;
            return Ok(false);
        }
        Fault::ReadsSlowly => {
            for piece in body.chunks_mut(PIECE_BYTES) {
                thread::sleep(PIECE_PAUSE);
                reader.read_exact(piece)?;
            }
        }
        _ => reader.read_exact(&mut body)?,
    }
    let stream = reader.get_mut();
    match fault {
        Fault::Failing => say(stream, "500 Internal Server Error", "", ""),
        Fault::Busy => say(stream, "503 Service Unavailable", "retry-after: 1\r\n", ""),
        Fault::SmallBatches if body.len() > SMALL_BATCH_BYTES => say(stream, "413 Content Too Large", "", ""),
        Fault::StallsInAnswer => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"accepted\":")?;
            wait(stream)
        }
        Fault::NeverAnswers => wait(stream),
        // More than any batch has: all of it.
        _ => say(stream, "200 OK", "", "{\"accepted\":1000000,\"rejected\":[]}"),
    }
}

fn say(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<bool> {
    let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes())?;
    Ok(true)
}

/// Until the client hangs up.
fn wait(stream: &mut TcpStream) -> io::Result<bool> {
    let _ = stream.read(&mut [0])?;
    Ok(false)
}
