//! The third service of a chain: it takes the money. `shop` calls it.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example pay`
//!
//! It listens on 127.0.0.1:8083, or where `PAY_ADDR` says.
//!
//! | `POST /charges/{amount}` | what comes of it |
//! |---|---|
//! | a multiple of 7 | 500 and an ERROR with two causes |
//! | above 1000 | 402 and an ERROR (`Declined`) |
//! | 500 | 503 the first time and 200 the second time, and so on |
//! | 99, 199, 299 … | 200 after five seconds, if the caller waits so long |
//! | 666 | 200 after nearly a second |
//! | any other | 200 |

mod service;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use log_center::request::RequestLayer;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = log_center::layer("pay").version(env!("CARGO_PKG_VERSION")).init()?;
    let routes = Router::new()
        .route("/charges/{amount}", post(charge))
        .with_state(Arc::<AtomicBool>::default())
        .layer(RequestLayer::new());
    Ok(service::serve(routes, "PAY_ADDR", "127.0.0.1:8083").await?)
}

async fn charge(
    State(was_busy): State<Arc<AtomicBool>>,
    Path(amount): Path<u32>,
) -> Result<String, StatusCode> {
    match amount {
        500 if !was_busy.fetch_xor(true, Ordering::Relaxed) => {
            tracing::warn!(amount, "too much to do");
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        666 => tokio::time::sleep(Duration::from_millis(900)).await,
        _ if amount % 100 == 99 => tokio::time::sleep(Duration::from_secs(5)).await,
        _ => {}
    }
    match pay(amount) {
        Ok(()) => {
            log_center::biz!(amount, "charged");
            Ok(format!("receipt-{amount}"))
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, amount, "payment failed");
            Err(match error {
                PayError::Declined { .. } => StatusCode::PAYMENT_REQUIRED,
                PayError::Gateway(_) => StatusCode::INTERNAL_SERVER_ERROR,
            })
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
