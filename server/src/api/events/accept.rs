//! `POST /api/v1/events`: records from services that log bunyan JSON.

use crate::api::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::intake::Taken;
use crate::sources::record::{BatchAnswer, Records};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

/// How many of the accepted records were here before and are not stored again. A header, because a batch that is sent again
/// gets the body that it got first.
const KNOWN: HeaderName = HeaderName::from_static("log-center-known");

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
    let Taken { status, known, answer } = state.intake().take::<Records>(headers, body).await?;
    Ok((status, [(KNOWN, HeaderValue::from(known))], Json(answer)).into_response())
}
