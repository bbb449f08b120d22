//! Taking connections.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

use crate::connection::{Busy, Connections, Entered, Rules, Wire};
use crate::http::{Front, REFUSALS};
use crate::limits::{
    ANSWER_PAUSE, CONNECTIONS, DESCRIPTIONS_LOOK, HEAD_TIME, IDLE_TIME, OVERTIME_LOOK,
    STRANGERS_OF_ONE_ADDRESS,
};
use crate::stop::Stop;

static RULES: Rules = Rules {
    connections: CONNECTIONS,
    strangers_of_one_address: STRANGERS_OF_ONE_ADDRESS,
    head_time: HEAD_TIME,
    refusals: REFUSALS,
};

/// Serves every connection that comes, until a stop is asked for.
pub(crate) async fn until_stop(
    front: &Arc<Front>,
    listener: &TcpListener,
    graceful: &GracefulShutdown,
    stop: &Stop,
    stuck: Duration,
) {
    let connections = Connections::new(&RULES);
    let mut look = tokio::time::interval(OVERTIME_LOOK);
    let mut descriptions = tokio::time::interval(DESCRIPTIONS_LOOK);
    loop {
        tokio::select! {
            () = stop.asked() => return,
            _ = look.tick() => {
                front.sessions.expire();
                if front.running.look_after(stuck) {
                    tracing::error!("too many statements do not end; the engine stops, to be started again");
                    stop.ask("too many statements do not end");
                }
            }
            _ = descriptions.tick() => {
                let engine = front.engine.clone();
                tokio::task::spawn_blocking(move || engine.descriptions().keep_up(&engine));
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match connections.enter(peer.ip()) {
                    Some(entered) => serve(front.clone(), stream, entered, graceful),
                    None => drop(stream.try_write(REFUSALS.too_many_connections.as_bytes())),
                },
                Err(error) => {
                    // Out of file descriptors, most likely; some will come free.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

fn serve(front: Arc<Front>, stream: TcpStream, entered: Entered, graceful: &GracefulShutdown) {
    // Answers leave in the pieces that hyper makes; waiting to merge them costs 40 ms each.
    drop(stream.set_nodelay(true));
    let place = entered.place().clone();
    let mut stream = TimeoutStream::new(Wire::new(stream, place.clone()));
    stream.set_write_timeout(Some(ANSWER_PAUSE));
    let service = {
        let place = place.clone();
        service_fn(move |request| front.clone().answer(request, Busy::new(place.clone())))
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the end of the request before it; a head that has begun has less time.
        .header_read_timeout(IDLE_TIME)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
            }
            () = place.closed() => tracing::debug!(peer = %place.peer(), "connection closed to make room"),
        }
        drop(entered);
    });
}
