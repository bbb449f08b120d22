//! The first service of a chain: axum with an outgoing call. One request to it is one `req_id` in the records of both
//! services, in the answer, and in the log of an nginx in front.
//!
//! ```sh
//! export LOG_CENTER_URL=http://localhost:8002      # may be left out: records are then only written
//! cargo run -p log-center --example prices &
//! cargo run -p log-center --example gateway &
//! curl -i localhost:8080/prices/eur
//! ```
//!
//! It listens on 127.0.0.1:8080, or where `GATEWAY_ADDR` says, and calls `PRICES_URL` (`http://127.0.0.1:8081`) and
//! `SHOP_URL` (`http://127.0.0.1:8082`). Behind a proxy that sets `X-Forwarded-For`, `GATEWAY_PROXIES=1` makes that the client's address.
//!
//! | route | what comes of it |
//! |---|---|
//! | `GET /prices/{currency}` | 200 for `eur` and `usd`; 404 for every other; for `xxx` an ERROR in `prices`, and a `service-err` and 502 here |
//! | `/items/…`, `/orders/…`, `/rates/…`, `/report` | what `shop` answers; 502 if it does not |
//! | `GET /late` | 504 and a `service-err`: `prices` takes longer than this service waits |
//! | `GET /panic` | an ERROR and no answer |
//!
//! While `prices` is down, a price is a `service-err` and 502. `X-User-Id` is the `uid` of the request's records.

mod service;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get};
use log_center::call::Logged;
use log_center::request::{ClientAddress, RequestLayer, set_uid};
use std::error::Error;
use std::time::Duration;

/// How long a price may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _guard = log_center::layer("gateway").version(env!("CARGO_PKG_VERSION")).init()?;
    let prices = Prices {
        url: service::setting("PRICES_URL", "http://127.0.0.1:8081"),
        client: reqwest::Client::builder().timeout(PATIENCE).build()?,
    };
    let routes = Router::new()
        .route("/prices/{currency}", get(price))
        .route("/late", get(late))
        .route("/panic", get(async || -> &'static str { panic!("the gateway's own mistake") }))
        .with_state(prices)
        .merge(routes_of_shop()?)
        .layer(middleware::from_fn(with_user))
        // The outermost layer, so that what the others do belongs to the request, too.
        .layer(RequestLayer::new().client_address(client_address()?));
    Ok(service::serve(routes, "GATEWAY_ADDR", "127.0.0.1:8080").await?)
}

fn client_address() -> Result<ClientAddress, String> {
    let proxies = service::setting("GATEWAY_PROXIES", "0");
    match proxies.parse() {
        Ok(0) => Ok(ClientAddress::Peer),
        Ok(proxies) => Ok(ClientAddress::ForwardedFor { proxies }),
        Err(error) => Err(format!("GATEWAY_PROXIES={proxies}: {error}")),
    }
}

async fn with_user(request: Request, next: Next) -> Response {
    if let Some(user) = request.headers().get("x-user-id").and_then(|value| value.to_str().ok()) {
        set_uid(user);
    }
    next.run(request).await
}

/// The service that is called.
#[derive(Clone)]
struct Prices {
    url: String,
    client: reqwest::Client,
}

impl Prices {
    /// `logged()` makes the call a hop of the request: a `service-start`, then a `service-end` or a `service-err`. The
    /// ids of both go out with it.
    async fn get(&self, path: &str) -> Result<String, StatusCode> {
        let call = self.client.get(format!("{}{path}", self.url)).logged().capture_body();
        let answer = call.send().await.map_err(|error| service::no_answer(&error))?;
        match answer.status() {
            StatusCode::OK => answer.text().await.map_err(|error| service::no_answer(&error)),
            StatusCode::NOT_FOUND => Err(StatusCode::NOT_FOUND),
            _ => Err(StatusCode::BAD_GATEWAY),
        }
    }
}

async fn price(State(prices): State<Prices>, Path(currency): Path<String>) -> Result<String, StatusCode> {
    tracing::debug!(currency, "price wanted");
    let price = prices.get(&format!("/rates/{currency}")).await?;
    // For whoever counts what people ask for.
    log_center::biz!(currency, price, "price quoted");
    Ok(price)
}

/// What the shop answers in the end, its own waiting for others included.
const PATIENCE_WITH_SHOP: Duration = Duration::from_secs(3);

/// The other service that is called.
#[derive(Clone)]
struct Shop {
    url: String,
    client: reqwest::Client,
}

fn routes_of_shop() -> reqwest::Result<Router> {
    let shop = Shop {
        url: service::setting("SHOP_URL", "http://127.0.0.1:8082"),
        client: reqwest::Client::builder().timeout(PATIENCE_WITH_SHOP).build()?,
    };
    let paths = ["/items/{id}", "/orders/{amount}", "/rates/{currency}", "/report"];
    Ok(paths
        .into_iter()
        .fold(Router::new(), |routes, path| routes.route(path, any(pass_on)))
        .with_state(shop))
}

async fn pass_on(
    State(shop): State<Shop>,
    method: Method,
    uri: Uri,
) -> Result<(StatusCode, String), StatusCode> {
    let call = shop.client.request(method, format!("{}{}", shop.url, uri.path())).logged();
    let answer = call.send().await.map_err(|error| service::no_answer(&error))?;
    let status = answer.status();
    Ok((status, answer.text().await.map_err(|error| service::no_answer(&error))?))
}

async fn late(State(prices): State<Prices>) -> Result<String, StatusCode> {
    prices.get("/slow").await
}
