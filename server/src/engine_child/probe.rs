//! Whether the engine still answers.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// How long one look waits for its answer. The connection of a stopped process stays open without one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A statement waits behind those of others, so that it may go without an answer for so many times as long as a request
/// that needs no turn.
const STATEMENT_FACTOR: u32 = 5;

/// Needs the engine's HTTP service, and nothing of ClickHouse.
const PING: &str = "/ping";

/// Needs a turn, a thread, and ClickHouse itself.
const STATEMENT: &str = "/?query=SELECT%201";

/// Ends when the engine has not answered for so long that it must be taken for hung; says what it did not answer.
pub(super) async fn until_hung(addr: SocketAddr, patience: Duration) -> &'static str {
    tokio::select! {
        () = until_silent(addr, PING, patience) => "a ping",
        () = until_silent(addr, STATEMENT, patience * STATEMENT_FACTOR) => "SELECT 1",
    }
}

async fn until_silent(addr: SocketAddr, path: &str, patience: Duration) {
    let mut answered = Instant::now();
    while answered.elapsed() < patience {
        if timeout(ANSWER_TIMEOUT, answers(addr, path)).await.unwrap_or(false) {
            answered = Instant::now();
        }
        sleep(PAUSE).await;
    }
}

/// Any answer counts, a refusal too: on a connection of its own, so that no other request stands before it.
async fn answers(addr: SocketAddr, path: &str) -> bool {
    let Ok(mut connection) = TcpStream::connect(addr).await else { return false };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    let mut status = [0; 5];
    connection.write_all(request.as_bytes()).await.is_ok()
        && connection.read_exact(&mut status).await.is_ok()
        && status == *b"HTTP/"
}
