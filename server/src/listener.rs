//! Connections: accepted within limits, served, and ended in order.

use axum::Router;
use axum::http::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use log_center_engine::connection::{Busy, Connections, Entered, Refusals, Rules, Wire};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// What one listener allows at once: 4,096 connections, half of them from one address. For one more, one without a request is closed, or
/// else one whose body is still coming, the oldest first; so that whoever only holds connections keeps nobody out.
static RULES: Rules = Rules {
    connections: 4_096,
    strangers_of_one_address: 2_048,
    head_time: Duration::from_secs(10),
    refusals: REFUSALS,
};

/// How long a connection without a request is kept.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// The longest head of a request, in bytes: 64 KiB. A longer one is answered with 431.
const HEAD_BYTES: usize = 64 << 10;

/// The pause after an accept that failed, e.g. because no file can be opened.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An answer in the contract's envelope as it goes over the wire, after which the connection is closed.
macro_rules! refusal {
    ($status:literal, $code:literal, $message:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"status\":\"error\",\"error\":{\"code\":\"",
            $code,
            "\",\"message\":\"",
            $message,
            "\"}}"
        )
    };
}

const REFUSALS: Refusals = Refusals {
    slow_head: refusal!(
        "408 Request Timeout",
        "head_timeout",
        "the head of the request did not arrive in time"
    ),
    too_many_connections: refusal!("503 Service Unavailable", "overloaded", "too many connections"),
    bad_head: refusal!("400 Bad Request", "bad_request", "the head of the request is not HTTP"),
    long_url: refusal!("414 URI Too Long", "too_large", "the URL is too long"),
    long_head: refusal!(
        "431 Request Header Fields Too Large",
        "too_large",
        "the head of the request may have at most 64 KiB"
    ),
};

/// Serves until `stop` becomes true, then lets open requests end for as long as `patience`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    patience: Duration,
) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(&RULES);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.enter(peer.ip()) {
                Some(entered) => serve_one(stream, entered, router.clone(), &graceful),
                None => _ = stream.try_write(REFUSALS.too_many_connections.as_bytes()),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}

fn serve_one(stream: TcpStream, entered: Entered, router: Router, graceful: &GracefulShutdown) {
    // A report is small and answered at once: waiting for more to send would only delay it.
    _ = stream.set_nodelay(true);
    let place = entered.place().clone();
    let wire = Wire::new(stream, place.clone());
    let router = TowerToHyperService::new(router);
    let service = {
        let place = place.clone();
        service_fn(move |request: Request<Incoming>| {
            let busy = Busy::new(place.clone());
            if request.body().is_end_stream() {
                busy.runs();
            }
            let answer = router.call(request);
            async move { answer.await.map(|response| busy.answer(response)) }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the end of the request before it; a head that has begun has less time.
        .header_read_timeout(IDLE_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(wire), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            // A client that goes away in the middle is no news.
            _ = connection => {}
            () = place.closed() => tracing::debug!(peer = %place.peer(), "connection closed to make room"),
        }
        drop(entered);
    });
}
