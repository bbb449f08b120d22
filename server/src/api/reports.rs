//! `POST /api/v1/logs/report`: an error from any program.

use super::AppState;
use super::door::{Audience, Doors};
use crate::error::{ApiError, ErrorBody};
use crate::sources::report::{Report, ReportAnswer};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors.documented(Audience::AnyoneSends, routes!(report))
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
    Ok(Json(state.intake().take::<Report>(headers, body).await?.answer))
}
