//! Taking connections.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use crate::http::Front;
use crate::stop::Stop;

/// Open connections; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;

/// Longest time for a request's head to arrive, and for a kept connection to stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time that a client may take nothing of its answer; then its statement is cancelled.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often idle sessions are looked through, and whether ClickHouse changed descriptions of tables by itself.
const SESSION_SWEEP: Duration = Duration::from_secs(5);

/// Serves every connection that comes, until a stop is asked for.
pub(crate) async fn until_stop(
    front: &Arc<Front>,
    listener: &TcpListener,
    connections: &GracefulShutdown,
    stop: &Stop,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut sweep = tokio::time::interval(SESSION_SWEEP);
    loop {
        let (stream, place) = tokio::select! {
            () = stop.asked() => return,
            _ = sweep.tick() => {
                front.sessions.expire();
                let engine = front.engine.clone();
                tokio::task::spawn_blocking(move || engine.descriptions().keep_up(&engine));
                continue;
            }
            accepted = accept_one(listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely; some will come free.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Answers leave in the pieces that hyper makes; waiting to merge them costs 40 ms each.
        drop(stream.set_nodelay(true));
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_STALL_TIMEOUT));
        let front = front.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(Box::pin(stream)),
                service_fn(move |request| front.clone().answer(request)),
            );
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
}

async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}
