//! The second service of a chain: a small shop, some of whose routes fail, each in its own way. `gateway` calls it, and
//! it calls `pay`.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example shop`
//!
//! It listens on 127.0.0.1:8082, or where `SHOP_ADDR` says, and calls `PAY_URL` (`http://127.0.0.1:8083`).
//!
//! | route | what comes of it |
//! |---|---|
//! | `GET /items/{id}` | 200; 400 and a WARN if the id is no number; 404 above 100 |
//! | `POST /orders/{amount}` | what `pay` says: 200 or 402. A `pay` that has too much to do is asked a second time; 502 if it fails, 504 if it takes longer than a second |
//! | `POST /orders/666` | no answer: the process dies while it waits for `pay` |
//! | `GET /rates/{currency}` | 200 for `eur`; 500 and an ERROR (`ParseFloatError`) for every other |
//! | `GET /report` | 500 and an ERROR (`io::Error`): the file is not there |

mod service;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use log_center::call::Logged;
use log_center::request::RequestLayer;
use std::error::Error;
use std::time::Duration;

/// How long a payment may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often `pay` is asked if it has too much to do.
const ATTEMPTS: u32 = 2;

/// The order that the shop does not survive, and for how long it does.
const DEADLY_AMOUNT: u32 = 666;
const LAST_MOMENTS: Duration = Duration::from_millis(600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = log_center::layer("shop").version(env!("CARGO_PKG_VERSION")).init()?;
    let pay = Pay {
        url: service::setting("PAY_URL", "http://127.0.0.1:8083"),
        client: reqwest::Client::builder().timeout(PATIENCE).build()?,
    };
    let routes = Router::new()
        .route("/orders/{amount}", post(order))
        .with_state(pay)
        .route("/items/{id}", get(item))
        .route("/rates/{currency}", get(rate))
        .route("/report", get(report))
        .layer(RequestLayer::new());
    Ok(service::serve(routes, "SHOP_ADDR", "127.0.0.1:8082").await?)
}

/// The service that is called.
#[derive(Clone)]
struct Pay {
    url: String,
    client: reqwest::Client,
}

impl Pay {
    /// Each attempt is a hop of its own.
    async fn charge(&self, amount: u32) -> Result<String, StatusCode> {
        let mut attempt = 1;
        loop {
            let call = self.client.post(format!("{}/charges/{amount}", self.url)).logged();
            let answer = call.send().await.map_err(|error| service::no_answer(&error))?;
            match answer.status() {
                StatusCode::OK => return answer.text().await.map_err(|error| service::no_answer(&error)),
                StatusCode::PAYMENT_REQUIRED => return Err(StatusCode::PAYMENT_REQUIRED),
                StatusCode::SERVICE_UNAVAILABLE if attempt < ATTEMPTS => attempt += 1,
                _ => return Err(StatusCode::BAD_GATEWAY),
            }
        }
    }
}

async fn order(State(pay): State<Pay>, Path(amount): Path<u32>) -> Result<String, StatusCode> {
    if amount == DEADLY_AMOUNT {
        tokio::spawn(async {
            tokio::time::sleep(LAST_MOMENTS).await;
            // As if it had been killed: what is under way never ends.
            std::process::abort();
        });
    }
    let receipt = pay.charge(amount).await?;
    log_center::biz!(amount, receipt, "order placed");
    Ok(receipt)
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
