//! `POST /api/v1/logs/report`: an error from any program.

use super::AppState;
use super::body::{self, BodyLimits};
use super::door::{Audience, Doors};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::event::{self, Content, KeyField, RequestKey, Source};
use crate::ingest;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use log_center_wire::ErrorReport;
use log_center_wire::limits::{IDEMPOTENCY_KEY_CHARS, REPORT_BODY_BYTES};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors.documented(Audience::AnyoneSends, routes!(report))
}

/// The answer to a report: exactly these four keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportAnswer {
    /// `ok` if the report made its issue, else `duplicate`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The issue; below 2^53.
    #[schema(example = 6844892449514628u64)]
    id: u64,
    /// 32 hex digits.
    #[schema(example = "c28b25b7d52420836670e6e071f446f4")]
    fingerprint: String,
    /// Whether the report made its issue.
    is_new: bool,
}

/// The body of a report, for the documentation. It is read by `ErrorReport::decode`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is wanted")]
pub struct ReportBody {
    /// The project, at most 128 bytes.
    #[schema(example = "rtc_backend")]
    project_id: String,
    /// Any word; kept in lower case.
    #[schema(example = "production")]
    environment: String,
    /// `ERROR`, `WARNING` or `CRITICAL` in any letter case; `WARN` and `FATAL` are understood.
    #[schema(example = "ERROR")]
    level: String,
    /// ISO 8601; absent = now; without an offset = UTC.
    #[schema(example = "2026-01-30T10:30:00Z")]
    timestamp: Option<String>,
    /// Version of the application.
    #[schema(example = "1.2.3")]
    version: Option<String>,
    /// Git commit of the application.
    #[schema(example = "abc1234")]
    commit_hash: Option<String>,
    error: ReportedError,
    /// Anything. `request_id` ties the report to a request, `user_id` to a user.
    context: Option<serde_json::Map<String, serde_json::Value>>,
    /// The same id of the same project counts once within 24 hours. With another body it is refused.
    event_id: Option<String>,
}

/// What went wrong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is wanted")]
pub struct ReportedError {
    #[schema(example = "ValueError")]
    r#type: String,
    #[schema(example = "invalid literal for int() with base 10: 'abc'")]
    message: String,
    #[schema(example = "apps/users/views.py")]
    file_path: String,
    /// 0 = unknown.
    #[schema(example = 42)]
    line_number: u32,
    /// Lines, or one string.
    #[schema(example = json!(["Traceback (most recent call last):", "ValueError: invalid literal"]))]
    stack_trace: Vec<String>,
}

/// Report an error.
///
/// The first report of a fingerprint makes an issue, later ones raise its count. Answered when the report is durable.
#[utoipa::path(
    post,
    path = "/api/v1/logs/report",
    tag = "reports",
    request_body = ReportBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key of the same project counts once within 24 hours. With another body it is refused.")),
    responses(
        (status = 200, description = "The report is kept.", body = ReportAnswer),
        (status = 400, description = "Malformed JSON or body.", body = ErrorBody),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 413, description = "More than 1 MiB.", body = ErrorBody),
        (status = 415, description = "Unknown encoding or content type.", body = ErrorBody),
        (status = 422, description = "A field is missing or wrong, or a key was used for another body; it is named.", body = ErrorBody),
        (status = 503, description = "Spool full or disk failing; see Retry-After.", body = ErrorBody),
    )
)]
pub async fn report(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ReportAnswer>, ApiError> {
    state.readiness.check_ingest()?;
    body::check_content_type(&headers, &["application/json", "text/plain"])?;
    let bytes = body::read(&headers, body, BodyLimits::same(REPORT_BODY_BYTES)).await?;
    let report = ErrorReport::decode(&bytes)?;
    let key = idempotency_key(&headers)?;
    // The report is its event: what names the one names the other, and a repeated one gets the first answer.
    let keys = [(KeyField::Header, key), (KeyField::EventId, report.event_id.as_deref())];
    let of_report = |(field, key): (KeyField, Option<&str>)| {
        Some(RequestKey::of_report(field, &report.project_id, key?, Content::of(&bytes)))
    };
    let keys = keys.into_iter().filter_map(of_report).collect();
    let fingerprint = report.fingerprint();
    let accepted = ingest::report(report, clock::now(), &state.retention);
    let receipt = state.spool.append(Source::Report, event::encode(&accepted), keys).await?;
    Ok(Json(ReportAnswer {
        status: if receipt.is_new { "ok" } else { "duplicate" },
        id: fingerprint.issue_id(&event.project).get(),
        fingerprint: fingerprint.to_string(),
        is_new: receipt.is_new,
    }))
}

/// The `Idempotency-Key` of a request.
///
/// # Errors
/// 422 one that the contract does not allow.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
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
