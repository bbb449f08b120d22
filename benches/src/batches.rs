//! Batches of records, sent in a closed loop: so many connections, each with one batch under way.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::traffic::Traffic;

/// Longest time to an answer that the histogram holds, in microseconds.
const ANSWER_TIME_AT_MOST_US: u64 = 60_000_000;

/// How long to wait before a batch is sent again that was answered with 503.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Connections at the same time.
    pub connections: usize,
    /// Records of a batch, at most.
    pub records: usize,
    /// After how many records it ends.
    pub records_at_most: u64,
    /// After what time it ends.
    pub time_at_most: Duration,
    /// Records a second at most, over all connections; 0 = as fast as they are acknowledged.
    pub rate: u64,
    /// Milliseconds since 1970 at which the traffic begins; `None` = it happens now.
    pub start_ms: Option<i64>,
    /// Microseconds of the traffic's own time between two requests, if it does not happen now.
    pub step_us: i64,
}

/// What became of it.
#[derive(Debug)]
pub struct Sent {
    /// Records acknowledged so far.
    pub acknowledged: Cell<u64>,
    /// Bytes of their NDJSON.
    pub bytes: Cell<u64>,
    /// Batches that were answered with 503 and sent again.
    pub refused: Cell<u64>,
    /// Time to the answer of each batch, in microseconds.
    pub answer_times_us: RefCell<Histogram<u64>>,
    /// When the last answer came.
    pub last_answer: Cell<Instant>,
}

impl Sent {
    /// Nothing yet.
    pub fn new() -> Result<Self> {
        Ok(Self {
            acknowledged: Cell::new(0),
            bytes: Cell::new(0),
            refused: Cell::new(0),
            answer_times_us: RefCell::new(Histogram::new_with_max(ANSWER_TIME_AT_MOST_US, 3)?),
            last_answer: Cell::new(Instant::now()),
        })
    }
}

#[derive(Deserialize)]
struct BatchAnswer {
    accepted: usize,
}

/// Sends in the given shape. Needs a current-thread runtime with a `LocalSet`.
pub async fn run(address: SocketAddr, shape: Shape, sent: Rc<Sent>) -> Result<()> {
    let until = Instant::now() + shape.time_at_most;
    let mut connections = JoinSet::new();
    for index in 0..shape.connections {
        let start_ms = shape.start_ms.unwrap_or_else(now_ms);
        // Other ids in each run.
        let seed = now_ms() as u64 * 1000 + index as u64;
        let traffic = Traffic::new(seed, start_ms, shape.step_us * shape.connections as i64);
        connections.spawn_local(drive(address, traffic, shape, until, Rc::clone(&sent)));
    }
    while let Some(ended) = connections.join_next().await {
        ended??;
    }
    Ok(())
}

async fn drive(
    address: SocketAddr,
    mut traffic: Traffic,
    shape: Shape,
    until: Instant,
    sent: Rc<Sent>,
) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let (mut body, mut request) = (Vec::new(), Vec::new());
    let mut due = Instant::now();
    while Instant::now() < until && sent.acknowledged.get() < shape.records_at_most {
        if shape.start_ms.is_none() {
            traffic.set_now(now_ms());
        }
        body.clear();
        let records = traffic.fill(&mut body, shape.records, |_| {});
        request.clear();
        request.extend_from_slice(
            format!(
                "POST /api/v1/events HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-ndjson\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            )
            .as_bytes(),
        );
        request.extend_from_slice(&body);
        tokio::time::sleep_until(due.into()).await;
        if shape.rate > 0 {
            due += Duration::from_secs_f64(records as f64 * shape.connections as f64 / shape.rate as f64);
        }
        exchange(&mut connection, &request, records, &sent).await?;
        sent.bytes.set(sent.bytes.get() + body.len() as u64);
    }
    Ok(())
}

/// One batch, again until it is taken.
async fn exchange(connection: &mut Connection, request: &[u8], records: usize, sent: &Sent) -> Result<()> {
    loop {
        let began = Instant::now();
        let answer = connection.exchange(request).await?;
        let text = || String::from_utf8_lossy(answer.body).into_owned();
        match answer.status {
            200 => {
                let parsed: BatchAnswer = serde_json::from_slice(answer.body).with_context(text)?;
                ensure!(parsed.accepted == records, "{} of {records} accepted: {}", parsed.accepted, text());
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                sent.answer_times_us.borrow_mut().saturating_record(micros);
                sent.acknowledged.set(sent.acknowledged.get() + records as u64);
                sent.last_answer.set(Instant::now());
                return Ok(());
            }
            503 => {
                sent.refused.set(sent.refused.get() + 1);
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
            status => bail!("status {status}: {}", text()),
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
