//! Two services, of which one calls the other, so that a request has hops.
//!
//! `LOG_CENTER_URL=http://localhost:8002 cargo run -p log-center --example gateway -- --addr 127.0.0.1:0`
//!
//! It serves `gateway` and starts itself once more as `prices`. The first line of standard output is
//! `{"addr":"127.0.0.1:43211"}`, the gateway's; all further ones are the records of both. The address comes from
//! `--addr`, else it is 127.0.0.1:8080; port 0 takes a free one. Both end on ^C or SIGTERM.
//!
//! | route | what comes of it |
//! |---|---|
//! | `GET /prices/{currency}` | 200 for `eur` and `usd`; 404 for every other; for `xxx` an ERROR in `prices`, a `service-err` and 502 here |
//! | `GET /late` | 504: `prices` takes longer than the gateway waits, and both say so |
//! | `GET /panic` | an ERROR and no answer |
//!
//! An `X-Request-Id` that comes with the request is the `req_id` in both and comes back with the answer; `X-User-Id`
//! is the `uid`.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, serve};
use log_center::call::Logged;
use log_center::request::{RequestLayer, set_uid};
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// What the gateway starts itself with.
const AS_PRICES: &str = "--as-prices";

/// How long the gateway waits for a price.
const PATIENCE: Duration = Duration::from_millis(300);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => gateway("127.0.0.1:8080").await,
        (Some("--addr"), Some(address)) => gateway(&address).await,
        (Some(AS_PRICES), None) => prices().await,
        (Some(unknown), _) => Err(format!("{unknown}: the one option is --addr HOST:PORT").into()),
    }
}

async fn gateway(address: &str) -> Result<(), Failure> {
    let _guard = log_center::layer("gateway").version(env!("CARGO_PKG_VERSION")).init()?;
    let listener = TcpListener::bind(address).await?;
    let mut prices = Command::new(std::env::current_exe()?)
        .arg(AS_PRICES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let upstream = Upstream { prices: follow(&mut prices).await?, client: reqwest::Client::new() };
    let routes = Router::new()
        .route("/prices/{currency}", get(price))
        .route("/late", get(late))
        .route("/panic", get(async || -> &'static str { panic!("the gateway's own mistake") }))
        .with_state(upstream)
        .layer(middleware::from_fn(with_user));
    say_address(&listener)?;
    serve_until(listener, routes, closing_time()).await?;
    // The end of its standard input tells it to end, too.
    drop(prices.stdin.take());
    prices.wait().await?;
    Ok(())
}

async fn prices() -> Result<(), Failure> {
    let _guard = log_center::layer("prices").version(env!("CARGO_PKG_VERSION")).init()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let routes = Router::new().route("/rates/{currency}", get(rate)).route("/slow", get(slow));
    say_address(&listener)?;
    let parent_gone = async {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    Ok(serve_until(listener, routes, parent_gone).await?)
}

async fn serve_until(
    listener: TcpListener,
    routes: Router,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // The outermost layer, so that what the others do belongs to the request.
    let service = routes.layer(RequestLayer::new()).into_make_service_with_connect_info::<SocketAddr>();
    serve(listener, service).with_graceful_shutdown(end).await
}

fn say_address(listener: &TcpListener) -> io::Result<()> {
    writeln!(io::stdout(), "{{\"addr\":\"{}\"}}", listener.local_addr()?)
}

/// Reads the address of the started service, and passes its records on from then on.
async fn follow(child: &mut Child) -> Result<String, Failure> {
    let output = child.stdout.take().ok_or("prices has no standard output")?;
    let mut lines = BufReader::new(output).lines();
    let first = lines.next_line().await?.ok_or("prices did not start")?;
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = writeln!(io::stdout(), "{line}");
        }
    });
    let address = first.strip_prefix("{\"addr\":\"").and_then(|rest| rest.strip_suffix("\"}"));
    Ok(address.ok_or("prices did not say its address")?.to_owned())
}

#[derive(Clone)]
struct Upstream {
    prices: String,
    client: reqwest::Client,
}

async fn with_user(request: Request, next: Next) -> Response {
    if let Some(user) = request.headers().get("x-user-id").and_then(|value| value.to_str().ok()) {
        set_uid(user);
    }
    next.run(request).await
}

async fn price(State(upstream): State<Upstream>, Path(currency): Path<String>) -> Result<String, StatusCode> {
    let url = format!("http://{}/rates/{currency}", upstream.prices);
    let call = upstream.client.get(url).timeout(PATIENCE).logged().capture_body();
    let answer = call.send().await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
    match answer.status() {
        StatusCode::OK => answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY),
        StatusCode::NOT_FOUND => Err(StatusCode::NOT_FOUND),
        _ => Err(StatusCode::BAD_GATEWAY),
    }
}

async fn late(State(upstream): State<Upstream>) -> Result<String, StatusCode> {
    let call = upstream.client.get(format!("http://{}/slow", upstream.prices)).timeout(PATIENCE).logged();
    let answer = call.send().await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
    answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn rate(Path(currency): Path<String>) -> Result<String, StatusCode> {
    let text = match currency.as_str() {
        "eur" => "1.0",
        "usd" => "1.08",
        "xxx" => "n/a",
        _ => return Err(StatusCode::NOT_FOUND),
    };
    match text.parse::<f64>() {
        Ok(rate) => {
            tracing::info!(currency, "rate found");
            Ok(rate.to_string())
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, currency, "rate unreadable");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn slow() -> &'static str {
    tokio::time::sleep(10 * PATIENCE).await;
    "too late"
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
