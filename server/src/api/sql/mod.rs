//! `/api/v1/sql`: statements of people who analyse, read-only and within limits.
//!
//! ```text
//! body ─ request ─▶ Request ─▶ Store::judge ─▶ Store::ask ─ pieces ─▶ answer: JSON is framed here, the other formats pass as they come
//!                                 └────────────────┴── what ClickHouse refuses ─ refusal ─▶ the envelope
//! ```

mod answer;
mod document;
mod parameter;
mod refusal;
mod request;

use super::AppState;
use super::door::{Audience, Doors};
use crate::error::{ApiError, ErrorBody};
use crate::intake::body::{self, BodyLimits};
use crate::store::limits;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use request::Request;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use utoipa_axum::routes;

/// The routes of this noun.
pub fn routes(doors: Doors) -> Doors {
    doors.documented(Audience::ThisSiteChanges, routes!(ask))
}

/// Lets so many statements run at the same time: [`limits::SQL_AT_ONCE`].
#[derive(Debug)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::SQL_AT_ONCE)))
    }
}

impl Turns {
    fn take(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| ApiError::Unavailable {
            code: "overloaded",
            message: format!("{} statements are running already", limits::SQL_AT_ONCE),
            retry_after_seconds: 1,
        })
    }
}

/// Ask ClickHouse with SQL of your own.
///
/// One statement that reads, under limits on time, memory, rows and bytes. The views `events`, `issues`, `errors`, `requests`, `calls`,
/// `performance`, `biz_events` are there to be relied on. Values belong into `parameters`, bound by ClickHouse to `{name:Type}`.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    operation_id = "ask_sql",
    tag = "sql",
    request_body = request::SqlRequest,
    responses(
        (status = 200, description = "The rows, in the format that was asked for.", content(
            (request::SqlAnswer = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.parquet"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )),
        (status = 400, description = "Malformed JSON or body, or ClickHouse does not understand the statement; `message` has its words.", body = ErrorBody),
        (status = 408, description = "The body came too slowly.", body = ErrorBody),
        (status = 413, description = "More than 256 KiB.", body = ErrorBody),
        (status = 415, description = "Unknown encoding or content type.", body = ErrorBody),
        (status = 422, description = "A field is missing or wrong, the statement does more than read, or it exceeds a limit; `code` says which.", body = ErrorBody),
        (status = 503, description = "Too many statements at once, or ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
async fn ask(State(state): State<AppState>, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    let bytes = body::read(&headers, body, BodyLimits::same(limits::SQL_BODY_BYTES)).await?;
    let request = Request::decode(&bytes, &headers)?;
    drop(bytes);
    let turn = state.turns.take()?;
    let deadline = Instant::now() + Duration::from_secs(request.seconds.into()) + limits::SQL_GRACE;
    let judged = timeout_at(deadline, state.store.judge(request.question())).await;
    let judged = judged.map_err(|_| refusal::time_is_over(request.seconds))?;
    let judged = judged.map_err(|error| refusal::judged(error, request.format))?;
    let answer = state.store.ask(&judged)?;
    answer::respond(answer, request, turn, deadline).await
}
