use crate::parts;
use crate::recurring::Recurring;
use crate::store::{Cause, StoreError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use log_center_wire::IssueStatus;
use log_center_wire::decode::{DecodeError, ErrorCode};
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// Everything that a request can fail with. It becomes the contract's one envelope.
#[derive(Debug)]
pub enum ApiError {
    /// 400 or 422: the document cannot be read, or one of its fields is refused.
    Document(DecodeError),
    /// 400 or 422, like the one above, for documents that are read in this crate.
    Field {
        /// What is wrong.
        code: ErrorCode,
        /// Which field; `None` if the document as a whole is at fault.
        field: Option<String>,
        /// What is wrong, for a person.
        message: String,
    },
    /// 400: the body cannot be decompressed, or ended before its time.
    Body(String),
    /// 408: the body did not arrive in time.
    SlowBody,
    /// 413: more bytes or records than the limit.
    TooLarge(String),
    /// 415: a `Content-Encoding` or content type that nobody here reads.
    Unsupported {
        /// `unsupported_encoding` or `unsupported_media_type`.
        code: &'static str,
        /// What would be read.
        message: String,
    },
    /// 422: a parameter of the URL or a header holds what it may not hold.
    Parameter {
        /// Its name.
        field: String,
        /// Completes the sentence "`field` …".
        rule: String,
    },
    /// 422: a key that its sender has given to something else before.
    KeyReused {
        /// `Idempotency-Key` or `event_id`.
        field: &'static str,
    },
    /// 400 or 422: a statement of SQL is not understood, not allowed, or takes more than it may.
    Statement {
        /// `bad_statement` (400), `not_allowed`, `time_limit`, `memory_limit`, `rows_limit`, `bytes_limit`.
        code: &'static str,
        /// The field of the request that decides it.
        field: &'static str,
        /// What is wrong, where it is not understood in ClickHouse's words.
        message: String,
    },
    /// 403: a page of another site made a browser ask.
    OtherSite,
    /// 421: the request names no host, several, or one that is none of this machine.
    UnknownHost,
    /// 404: no such issue, request or path.
    NotFound(String),
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: the issue cannot go there from where it is.
    Transition {
        /// Where it is.
        from: IssueStatus,
        /// Where it was to go.
        to: IssueStatus,
    },
    /// 503: try again later.
    Unavailable {
        /// `spool_full`, `disk_failing`, `starting`, `shutting_down`, `overloaded`, and the codes of [`Cause`].
        code: &'static str,
        /// What is the matter.
        message: String,
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// 500: a defect of ours. The client sees no details; the log does.
    Internal(String),
}

/// How long a client should wait after a 503 whose end cannot be foreseen, in seconds.
pub const RETRY_AFTER_SECONDS: u32 = 2;

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            ApiError::Document(error) if error.code() == ErrorCode::MalformedJson => StatusCode::BAD_REQUEST,
            ApiError::Field { code: ErrorCode::MalformedJson, .. } => StatusCode::BAD_REQUEST,
            ApiError::Statement { code: "bad_statement", .. } => StatusCode::BAD_REQUEST,
            ApiError::Document(_)
            | ApiError::Field { .. }
            | ApiError::Parameter { .. }
            | ApiError::KeyReused { .. }
            | ApiError::Statement { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::Body(_) => StatusCode::BAD_REQUEST,
            ApiError::SlowBody => StatusCode::REQUEST_TIMEOUT,
            ApiError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Unsupported { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::OtherSite => StatusCode::FORBIDDEN,
            ApiError::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Transition { .. } => StatusCode::CONFLICT,
            ApiError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the answer says, as JSON, for where it cannot be the whole answer.
    pub(crate) fn into_detail(self) -> String {
        serde_json::to_string(&self.body().error).unwrap_or_default()
    }

    fn body(self) -> ErrorBody {
        let detail =
            |code: &'static str, message: String| ErrorDetail { code, message, field: None, allowed: None };
        let error = match self {
            ApiError::Document(error) => ErrorDetail {
                field: error.field().map(str::to_owned),
                ..detail(error.code().as_str(), error.message().to_owned())
            },
            ApiError::Field { code, field, message } => {
                ErrorDetail { field, ..detail(code.as_str(), message) }
            }
            ApiError::Statement { code, field, message } => {
                ErrorDetail { field: Some(field.to_owned()), ..detail(code, message) }
            }
            ApiError::Body(message) => detail("bad_body", message),
            ApiError::SlowBody => detail("body_timeout", "the body did not arrive in time".to_owned()),
            ApiError::TooLarge(message) => detail("too_large", message),
            ApiError::Unsupported { code, message } => detail(code, message),
            ApiError::Parameter { field, rule } => ErrorDetail {
                field: Some(field.clone()),
                ..detail("invalid_value", format!("{field} {rule}"))
            },
            ApiError::KeyReused { field } => {
                let message = format!(
                    "this {field} was given to other content within the last 24 hours; nothing is stored: send this under a key of its own"
                );
                ErrorDetail { field: Some(field.to_owned()), ..detail("idempotency_key_reused", message) }
            }
            ApiError::OtherSite => detail(
                "other_site",
                "requests from web pages of other sites are refused, but for reports and records; another port is another site"
                    .to_owned(),
            ),
            ApiError::UnknownHost => detail(
                "unknown_host",
                "this server does not know the host in the request: use an IP address or localhost, or add the name to LOG_CENTER_HOSTS"
                    .to_owned(),
            ),
            ApiError::NotFound(message) => detail("not_found", message),
            ApiError::MethodNotAllowed => {
                detail("method_not_allowed", "this path does not answer this method".to_owned())
            }
            ApiError::Transition { from, to } => {
                let allowed: Vec<_> = from.allowed().iter().map(|status| status.as_str()).collect();
                let message = match allowed.as_slice() {
                    [] => format!("an issue that is {from} changes only by a new occurrence"),
                    _ => format!("an issue that is {from} cannot become {to}, only {}", allowed.join(", ")),
                };
                let field = Some("status".to_owned());
                ErrorDetail { allowed: Some(allowed), field, ..detail("transition_not_allowed", message) }
            }
            ApiError::Unavailable { code, message, .. } => detail(code, message),
            ApiError::Internal(_) => {
                detail("internal", "a defect of the server; its log says more".to_owned())
            }
        };
        ErrorBody { status: "error", error }
    }
}

impl fmt::Display for ApiError {
    /// For a page that a person reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiError::Parameter { field, rule } => write!(f, "{field} {rule}"),
            ApiError::NotFound(message)
            | ApiError::Unavailable { message, .. }
            | ApiError::Statement { message, .. } => f.write_str(message),
            other => fmt::Debug::fmt(&other.status(), f),
        }
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        ApiError::Document(error)
    }
}

/// The log says of a cause that lasts once a minute how often it came.
static FAILED_QUERIES: Recurring<Cause> = Recurring::new();

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let cause = error.cause();
        if cause == Cause::Defect {
            return ApiError::Internal(error.to_string());
        }
        parts::notice(&error);
        if let Some(times) = FAILED_QUERIES.came(cause) {
            tracing::warn!(code = cause.code(), %error, times, action = cause.action(), "a query failed");
        }
        let (code, message) = (cause.code(), cause.message().to_owned());
        match cause {
            Cause::Memory => ApiError::Statement { code, field: "since", message },
            _ => ApiError::Unavailable { code, message, retry_after_seconds: RETRY_AFTER_SECONDS },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let ApiError::Internal(reason) = &self {
            tracing::error!(%reason, "a request met a defect of the server");
        }
        let retry_after = match &self {
            ApiError::Unavailable { retry_after_seconds, .. } => Some(*retry_after_seconds),
            _ => None,
        };
        let status = self.status();
        let body = self.body();
        metrics::counter!("log_center_errors_total", "code" => body.error.code).increment(1);
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The answer of every failed request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always `error`.
    status: &'static str,
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs; see the table of codes in the documentation.
    code: &'static str,
    /// For people.
    message: String,
    /// The field or parameter at fault, by its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// With `transition_not_allowed`: the states that are allowed from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<&'static str>>,
}
