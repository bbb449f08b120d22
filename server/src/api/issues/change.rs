use super::{Id, find};
use crate::api::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::follow;
use crate::intake::body::{self, BodyLimits};
use crate::spool::{Changed, SpoolError};
use crate::store::issue::Issue;
use crate::store::value::Status;
use crate::writer::Until;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use log_center_wire::decode::ErrorCode;
use log_center_wire::limits::TRANSITION_NOTE_BYTES;
use log_center_wire::{IssueId, IssueStatus, REGRESSION_ACTOR};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

/// Largest body of a change: two texts of [`TRANSITION_NOTE_BYTES`] with every character escaped, and room. More is
/// answered with 413.
const CHANGE_BODY_BYTES: usize = 64 << 10;

/// How long the answer waits for the change to arrive in ClickHouse.
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an issue that ClickHouse has may be unknown to this server, and how often it looks.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(3);
const UNKNOWN_PAUSE: Duration = Duration::from_millis(100);

/// Who changed a state, if the request does not say.
const ANONYMOUS: &str = "anonymous";

/// The body of a change, for the documentation. It is read by [`Change::decode`].
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is wanted")]
pub(super) struct ChangeBody {
    status: Status,
    /// Why; at most 4096 bytes.
    note: Option<String>,
    /// Who; `anonymous` if absent, at most 4096 bytes. `regression` is the server itself and refused.
    #[schema(example = "alice")]
    actor: Option<String>,
}

/// The change is kept and will be seen as soon as ClickHouse has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeAccepted {
    /// The issue.
    id: u64,
    /// State before.
    from: Status,
    /// State after.
    status: Status,
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    to: IssueStatus,
    actor: String,
    note: String,
}

/// Change the state of an issue.
///
/// The answer is the issue with its new state. Everything after it sees that state too.
#[utoipa::path(
    patch,
    path = "/api/v1/issues/{id}",
    operation_id = "change_issue",
    tag = "issues",
    params(("id" = u64, Path, description = "The issue.")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The issue in its new state.", body = Issue),
        (status = 202, description = "The change is kept, ClickHouse does not have it yet.", body = ChangeAccepted),
        (status = 400, description = "Malformed JSON or body.", body = ErrorBody),
        (status = 404, description = "There is no such issue.", body = ErrorBody),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 409, description = "Not possible from the state that the issue is in; `allowed` lists what is.", body = ErrorBody),
        (status = 413, description = "More than 64 KiB.", body = ErrorBody),
        (status = 415, description = "Unknown encoding or content type.", body = ErrorBody),
        (status = 422, description = "A field is missing or wrong; it is named.", body = ErrorBody),
        (status = 503, description = "Spool full or disk failing; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn change(
    State(state): State<AppState>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    // Before that an issue that ClickHouse knows may look unknown.
    state.readiness.check_ingest()?;
    let bytes = body::read(&headers, body, BodyLimits::same(CHANGE_BODY_BYTES)).await?;
    let change = Change::decode(&bytes)?;
    let changed = apply(&state, id, &change).await?;
    if state.progress.wait_for(Until::Main, changed.position, VISIBLE_TIMEOUT).await
        && let Ok(issue) = find(&state, id).await
    {
        return Ok(Json(issue).into_response());
    }
    // An error would say that nothing happened.
    let accepted = ChangeAccepted { id: id.get(), from: Status(changed.from), status: Status(changed.to) };
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

/// Changes the state, also of an issue that another server has made just now: its event may be seen a moment before this server
/// has heard of the issue.
async fn apply(state: &AppState, id: IssueId, change: &Change) -> Result<Changed, ApiError> {
    let begun = Instant::now();
    loop {
        follow::look_now(&state.spool, &state.store).await;
        let (actor, note) = (change.actor.clone(), change.note.clone());
        let changed = state.spool.change_status(id, change.to, actor, note).await;
        let is_unknown = matches!(changed, Err(SpoolError::UnknownIssue(_)));
        if !is_unknown || begun.elapsed() > UNKNOWN_TIMEOUT || state.store.issue(id).await?.is_none() {
            return Ok(changed?);
        }
        sleep(UNKNOWN_PAUSE).await;
    }
}

impl Change {
    fn decode(body: &[u8]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| refused(ErrorCode::MalformedJson, None, format!("not valid JSON: {error}")))?;
        let Value::Object(mut fields) = value else {
            let message = "a change is an object with status, note and actor".to_owned();
            return Err(refused(ErrorCode::WrongType, None, message));
        };
        let Some(status) = text(&mut fields, "status")? else {
            return Err(refused(ErrorCode::MissingField, Some("status"), "status is required".to_owned()));
        };
        let to = status.parse().map_err(|error| invalid("status", format!("status {error}")))?;
        let note = bounded("note", text(&mut fields, "note")?.unwrap_or_default())?;
        let actor = bounded("actor", text(&mut fields, "actor")?.unwrap_or_default())?;
        let actor = match actor.trim() {
            "" => ANONYMOUS,
            REGRESSION_ACTOR => {
                let message = format!("actor must not be {REGRESSION_ACTOR}: that is the server itself");
                return Err(invalid("actor", message));
            }
            actor => actor,
        };
        Ok(Self { to, actor: actor.to_owned(), note })
    }
}

fn text(fields: &mut Map<String, Value>, name: &'static str) -> Result<Option<String>, ApiError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused(ErrorCode::WrongType, Some(name), format!("{name} must be a string"))),
    }
}

fn bounded(name: &'static str, text: String) -> Result<String, ApiError> {
    if text.len() <= TRANSITION_NOTE_BYTES {
        return Ok(text);
    }
    Err(invalid(
        name,
        format!("{name} must be at most {TRANSITION_NOTE_BYTES} bytes long, is {}", text.len()),
    ))
}

fn invalid(name: &'static str, message: String) -> ApiError {
    refused(ErrorCode::InvalidValue, Some(name), message)
}

fn refused(code: ErrorCode, field: Option<&'static str>, message: String) -> ApiError {
    ApiError::Field { code, field: field.map(str::to_owned), message }
}
