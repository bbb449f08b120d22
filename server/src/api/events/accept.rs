//! `POST /api/v1/events`: records from services that log bunyan JSON.

use crate::api::AppState;
use crate::api::body::{self, BATCH_BODY_TIMEOUT, BodyLimits, Received};
use crate::api::reports::idempotency_key;
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::event::retention::Retention;
use crate::event::{RequestKey, Source};
use crate::ingest::batch::{self, Batch};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use log_center_wire::UnixMillis;
use log_center_wire::batch::BatchError;
use log_center_wire::decode::DecodeError;
use log_center_wire::limits::{BATCH_BODY_BYTES, BATCH_RECORDS, BATCH_WIRE_BYTES};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How many of the accepted records were here before and are not stored again. A header, because a batch that is sent again
/// gets the body that it got first.
const KNOWN: HeaderName = HeaderName::from_static("log-center-known");

/// The answer to a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// How many records are kept, those included that had been here before.
    accepted: usize,
    /// The ones that are not, each with its place in the batch from 0.
    rejected: Vec<Rejected>,
}

/// A record that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rejected {
    index: usize,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Rejected {
    fn new(index: usize, error: &DecodeError) -> Self {
        Self {
            index,
            code: error.code().as_str(),
            message: error.message().to_owned(),
            field: error.field().map(str::to_owned),
        }
    }
}

/// Send records.
///
/// NDJSON, one JSON array, or one object; at most 10,000 records, 8 MiB on the wire, 64 MiB decompressed. A bad record
/// costs nothing but itself. Answered when the records are durable.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    tag = "events",
    request_body(content = String, content_type = "application/x-ndjson"),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key of the same senders counts once within 24 hours. With other content it is refused.")),
    responses(
        (status = 200, description = "The good records are kept.", body = BatchAnswer, headers(
            ("Log-Center-Known" = u64, description = "How many of the accepted records had been here before and are not stored again."),
        )),
        (status = 400, description = "Malformed JSON or body.", body = ErrorBody),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 413, description = "Too many records or bytes.", body = ErrorBody),
        (status = 415, description = "Unknown encoding or content type.", body = ErrorBody),
        (status = 422, description = "Every record was bad; or, with an `error` as everywhere, the key is wrong or was used for other content.", body = BatchAnswer),
        (status = 503, description = "Spool full or disk failing; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn accept(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    state.readiness.check_ingest()?;
    let accepted =
        ["application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "text/plain"];
    body::check_content_type(&headers, &accepted)?;
    let key = idempotency_key(&headers)?.map(str::to_owned);
    let limits = BodyLimits {
        wire_bytes: BATCH_WIRE_BYTES,
        body_bytes: BATCH_BODY_BYTES,
        patience: BATCH_BODY_TIMEOUT,
    };
    let bytes = body::read(&headers, body, limits).await?;
    let received_at = clock::now();
    let (batch, key) = decode(bytes, key, received_at, &state.retention).await?;
    let Batch { blocks, accepted, rejected, .. } = batch;
    let rejected: Vec<_> = rejected.iter().map(|(index, error)| Rejected::new(*index, error)).collect();
    for record in &rejected {
        metrics::counter!("log_center_rejected_total", "code" => record.code).increment(1);
    }
    if accepted == 0 {
        let answer = Json(BatchAnswer { accepted: 0, rejected });
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response());
    }
    let receipt = state.spool.append(Source::Record, blocks, key.into_iter().collect()).await?;
    let known = [(KNOWN, HeaderValue::from(receipt.duplicates))];
    Ok((StatusCode::OK, known, Json(BatchAnswer { accepted, rejected })).into_response())
}

async fn decode(
    bytes: Received,
    key: Option<String>,
    received_at: UnixMillis,
    retention: &Arc<Retention>,
) -> Result<(Batch, Option<RequestKey>), ApiError> {
    let retention = Arc::clone(retention);
    // 64 MiB of JSON take longer than a thread of the runtime should be held.
    let decoded = tokio::task::spawn_blocking(move || {
        let batch = batch::decode(&bytes, received_at, &retention)?;
        let key = key.map(|key| RequestKey::of_batch(&key, &batch.senders, &bytes));
        Ok((batch, key))
    });
    let decoded = decoded.await.map_err(|panic| ApiError::Internal(panic.to_string()))?;
    decoded.map_err(|error| match error {
        BatchError::Malformed(error) => ApiError::Document(error),
        BatchError::TooManyRecords => {
            ApiError::TooLarge(format!("a batch may have at most {BATCH_RECORDS} records"))
        }
        BatchError::Empty => ApiError::Body("the batch holds no record".to_owned()),
    })
}
