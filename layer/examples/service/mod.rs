//! What `gateway`, `prices`, `shop` and `pay` do alike: listen, and end in order.

use axum::Router;
use axum::http::StatusCode;
use std::env;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves the routes at the address that a variable names, until ^C or SIGTERM. Port 0 takes a free one; the record
/// `listening` tells which.
pub(crate) async fn serve(routes: Router, variable: &str, default_address: &str) -> io::Result<()> {
    let address = setting(variable, default_address);
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{variable}={address}: {error}")))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // With the address of the other end, which is `d.ip` of the records.
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(closing_time()).await?;
    tracing::info!("closed");
    Ok(())
}

/// A variable, or its default if it is unset or empty.
pub(crate) fn setting(variable: &str, default: &str) -> String {
    env::var(variable).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

/// What a caller is told if the called service has not answered.
#[allow(dead_code, reason = "`prices` and `pay` call nobody")]
pub(crate) fn no_answer(error: &reqwest::Error) -> StatusCode {
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

async fn closing_time() {
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
        }
        // Without a handler SIGTERM ends the process by itself.
        Err(_) => drop(interrupted.await),
    }
}
