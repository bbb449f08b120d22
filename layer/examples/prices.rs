//! The second service of a chain: it knows what a currency is worth. `gateway` asks it.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example prices`
//!
//! It listens on 127.0.0.1:8081, or where `PRICES_ADDR` says.
//!
//! | route | what comes of it |
//! |---|---|
//! | `GET /rates/{currency}` | 200 for `eur` and `usd`; 404 for every other; 500 and an ERROR for `xxx` |
//! | `GET /slow` | 200 after five seconds, if the caller waits so long; else a `client-res` that says `cancelled` |

mod service;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use log_center::request::RequestLayer;
use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = log_center::layer("prices").version(env!("CARGO_PKG_VERSION")).init()?;
    let routes = Router::new()
        .route("/rates/{currency}", get(rate))
        .route("/slow", get(slow))
        // The outermost layer, so that what others do belongs to the request, too. It takes the id that came in
        // `X-Request-Id` and the caller's hop from `traceparent`.
        .layer(RequestLayer::new());
    Ok(service::serve(routes, "PRICES_ADDR", "127.0.0.1:8081").await?)
}

async fn rate(Path(currency): Path<String>) -> Result<String, StatusCode> {
    let text = match currency.as_str() {
        "eur" => "1.0",
        "usd" => "1.08",
        "xxx" => "n/a",
        _ => return Err(StatusCode::NOT_FOUND),
    };
    tracing::debug!(currency, text, "rate looked up");
    match text.parse::<f64>() {
        Ok(rate) => {
            tracing::info!(currency, rate, "rate found");
            Ok(rate.to_string())
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, currency, "rate unreadable");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(5)).await;
    "too late"
}
