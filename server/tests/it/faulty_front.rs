//! Between a server and its ClickHouse: a front that breaks inserts in every way that a network can.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Most bytes of an insert in these tests.
const BODY_BYTES: usize = 64 << 20;

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(300);

/// What becomes of one insert of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches ClickHouse, and the connection breaks.
    CutBefore,
    /// Half of it reaches ClickHouse.
    CutWithin,
    /// It is done, and the answer breaks off.
    CutAfter,
    /// It is done, and a proxy answers 502.
    BadGateway,
    /// It is done, and a proxy answers 200 with another's text; nothing is wrong then.
    Slow,
    /// It is done twice.
    Doubled,
    /// It is not done, and ClickHouse answers an exception.
    Refused,
}

pub const FAULTS: [Fault; 7] = [
    Fault::CutBefore,
    Fault::CutWithin,
    Fault::CutAfter,
    Fault::BadGateway,
    Fault::Slow,
    Fault::Doubled,
    Fault::Refused,
];

/// The front: where it listens, and what it has in store for the next inserts.
#[derive(Clone)]
pub struct FaultyFront {
    upstream: String,
    client: reqwest::Client,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    gate: Arc<Mutex<Option<Arc<Semaphore>>>>,
}

impl FaultyFront {
    /// A front before the ClickHouse at `upstream` (`http://USER:PASSWORD@HOST:PORT`), and its own URL with the same user.
    pub async fn start(upstream: &str) -> (Self, String) {
        let mut url = url::Url::parse(upstream).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut plain = url.clone();
        plain.set_username("").unwrap();
        plain.set_password(None).unwrap();
        let front = Self {
            upstream: plain.as_str().trim_end_matches('/').to_owned(),
            client: reqwest::Client::new(),
            faults: Arc::default(),
            gate: Arc::default(),
        };
        let router = Router::new().fallback(pass).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url.set_port(Some(port)).unwrap();
        (front, url.as_str().trim_end_matches('/').to_owned())
    }

    /// The next inserts into the table of events meet these, one each.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// The faults that no insert met are not meant for the next batch.
    pub fn forget(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// Inserts of events wait from now on until they are let through.
    pub fn hold(&self) {
        *self.gate.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    /// Lets so many of those through.
    pub fn let_through(&self, inserts: usize) {
        self.gate.lock().unwrap().as_ref().unwrap().add_permits(inserts);
    }

    /// Lets all of them through, and those that come later.
    pub fn open(&self) {
        self.gate.lock().unwrap().take().unwrap().close();
    }

    async fn wait_at_gate(&self) {
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate
            && let Ok(permit) = gate.acquire().await
        {
            permit.forget();
        }
    }

    /// How many are left.
    pub fn left(&self) -> usize {
        self.faults.lock().unwrap().len()
    }

    async fn forward(&self, parts: &axum::http::request::Parts, body: Bytes) -> (StatusCode, Bytes) {
        let url = format!("{}{}", self.upstream, parts.uri);
        let mut headers = parts.headers.clone();
        for name in ["host", "content-length", "transfer-encoding"] {
            headers.remove(name);
        }
        let sent = self.client.request(parts.method.clone(), url).headers(headers).body(body).send().await;
        let Ok(response) = sent else { return (StatusCode::BAD_GATEWAY, Bytes::new()) };
        (response.status(), response.bytes().await.unwrap_or_default())
    }
}

/// An answer that ends before its end.
fn cut() -> Response {
    let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
    Response::new(Body::from_stream(broken))
}

async fn pass(State(front): State<FaultyFront>, request: Request) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let is_insert = parts.uri.query().is_some_and(|query| query.contains("INSERT+INTO+event_store"));
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES).await else { return Ok(cut()) };
    let fault = if is_insert { front.faults.lock().unwrap().pop_front() } else { None };
    if is_insert {
        front.wait_at_gate().await;
    }
    let answer = |(status, body): (StatusCode, Bytes)| {
        Response::builder().status(status).body(Body::from(body)).unwrap()
    };
    Ok(match fault {
        None => answer(front.forward(&parts, body).await),
        Some(Fault::CutBefore) => cut(),
        Some(Fault::CutWithin) => {
            // In the middle of a row: one that ends behind a row is a whole insert to ClickHouse.
            front.forward(&parts, body.slice(..body.len() / 2 - 1)).await;
            cut()
        }
        Some(Fault::CutAfter) => {
            front.forward(&parts, body).await;
            cut()
        }
        Some(Fault::BadGateway) => {
            front.forward(&parts, body).await;
            answer((StatusCode::BAD_GATEWAY, Bytes::from_static(b"bad gateway")))
        }
        Some(Fault::Slow) => {
            tokio::time::sleep(SLOW).await;
            answer(front.forward(&parts, body).await)
        }
        Some(Fault::Doubled) => {
            front.forward(&parts, body.clone()).await;
            answer(front.forward(&parts, body).await)
        }
        Some(Fault::Refused) => answer((
            StatusCode::INTERNAL_SERVER_ERROR,
            Bytes::from_static(b"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space"),
        )),
    })
}
