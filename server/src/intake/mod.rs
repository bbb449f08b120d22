//! The way in, the same for every source: whether the server takes anything yet, what the body calls itself, the body
//! within its limits, the key, decoding, the spool, the answer.

pub mod body;

use crate::clock;
use crate::error::ApiError;
use crate::event::RequestKey;
use crate::event::retention::Retention;
use crate::readiness::Readiness;
use crate::sources::{Collected, EventSource, Events, SourceError};
use crate::spool::Spool;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use body::{BodyLimits, Received};
use log_center_wire::UnixMillis;
use log_center_wire::limits::IDEMPOTENCY_KEY_CHARS;
use std::sync::Arc;

/// A body of so many bytes at most is decoded at once; a larger one, which takes longer than a thread of the runtime should
/// be held, on a thread for such work. 64 KiB take some 0.2 ms.
const DECODED_AT_ONCE_BYTES: usize = 64 << 10;

/// What every source needs.
#[derive(Clone, Copy)]
pub struct Intake<'a> {
    /// Whether events can be taken.
    pub readiness: &'a Readiness,
    /// Where they become durable.
    pub spool: &'a Spool,
    /// How long they are kept.
    pub retention: &'a Arc<Retention>,
}

impl Intake<'_> {
    /// Takes what a request brings and answers when it is durable: with 422 if not one of several events is good.
    ///
    /// # Errors
    /// 400 to 422 for what is wrong with the request as a whole, 503 if nothing can be taken now.
    pub async fn take<S: EventSource>(
        self,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Taken<S::Answer>, ApiError> {
        self.readiness.check_ingest()?;
        body::check_content_type(&headers, S::CONTENT_TYPES)?;
        let key = idempotency_key(&headers)?;
        let limits =
            BodyLimits { wire_bytes: S::WIRE_BYTES, body_bytes: S::BODY_BYTES, patience: S::BODY_TIMEOUT };
        let body = body::read(&headers, body, limits).await?;
        let Decoded { source, events, keys } = decode::<S>(body, key, self.retention).await?;
        let Collected { blocks, accepted, rejected, .. } = events;
        for event in &rejected {
            metrics::counter!("log_center_rejected_total", "code" => event.code).increment(1);
        }
        if accepted == 0 {
            let answer = source.answer(false, 0, rejected);
            return Ok(Taken { status: StatusCode::UNPROCESSABLE_ENTITY, known: 0, answer });
        }
        let receipt = self.spool.append(S::ORIGIN, blocks, keys).await?;
        let answer = source.answer(receipt.is_new, accepted, rejected);
        Ok(Taken { status: StatusCode::OK, known: receipt.duplicates, answer })
    }
}

/// What a request brought, when it is durable.
#[derive(Debug)]
pub struct Taken<A> {
    /// 200, or 422 if not one of its events is good.
    pub status: StatusCode,
    /// How many of the good events had been here before and are not stored again.
    pub known: usize,
    /// What is answered.
    pub answer: A,
}

/// A body that is read.
struct Decoded<S> {
    source: S,
    events: Collected,
    keys: Vec<RequestKey>,
}

/// Reads a body, on a thread of its own if it is large.
async fn decode<S: EventSource>(
    body: Received,
    key: Option<&str>,
    retention: &Arc<Retention>,
) -> Result<Decoded<S>, ApiError> {
    let received_at = clock::now();
    if body.len() <= DECODED_AT_ONCE_BYTES {
        return Ok(read(&body, received_at, key, retention)?);
    }
    let (key, retention) = (key.map(str::to_owned), Arc::clone(retention));
    let decoded = tokio::task::spawn_blocking(move || read(&body, received_at, key.as_deref(), &retention));
    Ok(decoded.await.map_err(|panic| ApiError::Internal(panic.to_string()))??)
}

fn read<S: EventSource>(
    body: &[u8],
    received_at: UnixMillis,
    key: Option<&str>,
    retention: &Retention,
) -> Result<Decoded<S>, SourceError> {
    let mut events = Events::new(received_at, retention, key.is_some());
    let source = S::read(body, &mut events)?;
    let events = events.finish();
    let keys = source.keys(key, &events.senders, body);
    Ok(Decoded { source, events, keys })
}

/// The `Idempotency-Key` of a request.
///
/// # Errors
/// 422 one that the contract does not allow.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let refused = || ApiError::Parameter {
        field: "Idempotency-Key".to_owned(),
        rule: format!("must be 1 to {IDEMPOTENCY_KEY_CHARS} visible ASCII characters"),
    };
    let key = value.to_str().map_err(|_| refused())?;
    let is_valid =
        (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_valid { Ok(Some(key)) } else { Err(refused()) }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Document(error) => ApiError::Document(error),
            SourceError::TooMany { most } => {
                ApiError::TooLarge(format!("a batch may have at most {most} records"))
            }
            SourceError::Empty => ApiError::Body("the batch holds no record".to_owned()),
        }
    }
}
