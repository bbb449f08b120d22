//! A small shop with the layer, some of whose routes fail, each in its own way.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example shop -- --addr 127.0.0.1:0`
//!
//! The first line of standard output is `{"addr":"127.0.0.1:43211"}`; all further ones are records. The address comes
//! from `--addr`, else from `SHOP_ADDR`, else it is 127.0.0.1:8080; port 0 takes a free one. It ends on ^C or SIGTERM.
//!
//! | route | what comes of it |
//! |---|---|
//! | `GET /` | 200 |
//! | `GET /items/{id}` | 200; 400 and a WARN if the id is no number; 404 above 100 |
//! | `POST /orders/{amount}` | 200; 402 and an ERROR (`Declined`) above 1000; 503 and an ERROR with two causes on a multiple of 7 |
//! | `GET /rates/{currency}` | 200 for `eur`; 500 and an ERROR (`ParseFloatError`) for every other |
//! | `GET /report` | 500 and an ERROR (`io::Error`): the file is not there |

use axum::extract::{ConnectInfo, Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Instrument;
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = log_center::layer("shop").version(env!("CARGO_PKG_VERSION")).init()?;
    let listener = TcpListener::bind(address()?).await?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "{{\"addr\":\"{address}\"}}")?;
    tracing::info!(%address, "shop opens");
    let service = routes().into_make_service_with_connect_info::<SocketAddr>();
    serve(listener, service).with_graceful_shutdown(closing_time()).await?;
    tracing::info!("shop closes");
    Ok(())
}

fn address() -> Result<String, String> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(std::env::var("SHOP_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned())),
        (Some("--addr"), Some(address)) => Ok(address),
        (Some(unknown), _) => Err(format!("{unknown}: the one option is --addr HOST:PORT")),
    }
}

fn routes() -> Router {
    Router::new()
        .route("/", get(async || "welcome"))
        .route("/items/{id}", get(item))
        .route("/orders/{amount}", post(order))
        .route("/rates/{currency}", get(rate))
        .route("/report", get(report))
        .layer(middleware::from_fn(in_request_span))
}

/// Opens the span that makes every record inside of it one of this request.
async fn in_request_span(request: Request, next: Next) -> Response {
    let req_id =
        header(request.headers(), "x-request-id").map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let span = tracing::info_span!(
        "request",
        req_id,
        url = %request.uri(),
        ip = request.extensions().get().map(|ConnectInfo(client): &ConnectInfo<SocketAddr>| client.ip().to_string()),
        ua = header(request.headers(), "user-agent").unwrap_or_default(),
        uid = header(request.headers(), "x-user-id"),
    );
    async move {
        tracing::debug!(method = %request.method(), "request begins");
        let mut response = next.run(request).await;
        tracing::info!(status = response.status().as_u16(), "request handled");
        if let Ok(value) = HeaderValue::from_str(&req_id) {
            response.headers_mut().insert("x-request-id", value);
        }
        response
    }
    .instrument(span)
    .await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn item(Path(id): Path<String>) -> Response {
    match id.parse::<u32>() {
        Ok(id @ 0..=100) => format!("item {id}").into_response(),
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            // The client's mistake, not ours: no ERROR.
            tracing::warn!(%error, id, "bad item id");
            StatusCode::BAD_REQUEST.into_response()
        }
    }
}

async fn order(Path(amount): Path<u32>) -> Response {
    match pay(amount) {
        Ok(()) => {
            tracing::info!(amount, "order placed");
            "thank you".into_response()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, amount, "payment failed");
            match error {
                PayError::Declined { .. } => StatusCode::PAYMENT_REQUIRED.into_response(),
                PayError::Gateway(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }
}

fn pay(amount: u32) -> Result<(), PayError> {
    match amount {
        0 => Ok(()),
        _ if amount % 7 == 0 => {
            Err(PayError::Gateway(GatewayError { cause: io::Error::from(io::ErrorKind::ConnectionReset) }))
        }
        1001.. => Err(PayError::Declined { limit: 1000 }),
        _ => Ok(()),
    }
}

#[derive(Debug)]
enum PayError {
    Declined { limit: u32 },
    Gateway(GatewayError),
}

impl fmt::Display for PayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayError::Declined { limit } => write!(f, "card declined, its limit is {limit}"),
            PayError::Gateway(_) => f.write_str("payment not possible"),
        }
    }
}

impl Error for PayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PayError::Declined { .. } => None,
            PayError::Gateway(error) => Some(error),
        }
    }
}

#[derive(Debug)]
struct GatewayError {
    cause: io::Error,
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bank's gateway does not answer")
    }
}

impl Error for GatewayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

async fn rate(Path(currency): Path<String>) -> Response {
    let table = if currency == "eur" { "1.0" } else { "n/a" };
    match table.parse::<f64>() {
        Ok(rate) => rate.to_string().into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, currency, "rate unreadable");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn report() -> Response {
    match tokio::fs::read("/nowhere/report.csv").await {
        Ok(bytes) => bytes.into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "report missing");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
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
