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
mod times;

use super::AppState;
use super::door::{Audience, Doors};
use crate::error::{ApiError, ErrorBody};
use crate::intake::body::{self, BodyLimits};
use crate::store::question::{Answer, JudgeError, Question};
use crate::store::{Store, limits};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use request::{Format, Request};
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
    let answer = timeout_at(deadline, begin(&state.store, request.question(), request.format)).await;
    let answer = answer.map_err(|_| refusal::time_is_over(request.seconds))?;
    let answer = answer.map_err(|error| refusal::judged(error, request.format))?;
    answer::respond(answer, request, turn, deadline).await
}

/// Different times in one statement that ClickHouse does not read by itself. One more is an error.
const TIMES: usize = 16;

/// Asks, and waits until it is known that ClickHouse understands the statement.
async fn begin(store: &Store, mut question: Question, format: Format) -> Result<Answer, JudgeError> {
    if format == Format::Arrow
        && let Some(sql) = with_timestamps(store, &question).await
    {
        question.sql = sql;
    }
    let mut attempts = 0;
    loop {
        let error = match try_begin(store, question.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        attempts += 1;
        // Compared with a text, a time is read in ClickHouse's own form only, whatever its settings say.
        match error.exception().and_then(|said| times::with_read_time(&question.sql, said)) {
            Some(sql) if attempts <= TIMES => question.sql = sql,
            _ => return Err(error),
        }
    }
}

async fn try_begin(store: &Store, question: Question) -> Result<Answer, JudgeError> {
    let judged = store.judge(question).await?;
    let mut answer = store.ask(&judged)?;
    answer.begin().await?;
    Ok(answer)
}

/// The statement with timestamps for its `DateTime`s. `None` also if it cannot be described: then it is asked as it is, and says why.
async fn with_timestamps(store: &Store, question: &Question) -> Option<String> {
    let describe = Question {
        sql: times::describe(&question.sql),
        format: "JSONEachRow",
        rows: limits::SQL_ROWS_MAX,
        rows_max: limits::SQL_ROWS_MAX,
        in_small_parts: false,
        ..question.clone()
    };
    let mut answer = try_begin(store, describe).await.ok()?;
    let mut lines = Vec::new();
    while let Some(piece) = answer.next().await.ok()? {
        lines.extend_from_slice(&piece);
    }
    let columns =
        serde_json::Deserializer::from_slice(&lines).into_iter().collect::<Result<Vec<_>, _>>().ok()?;
    times::with_timestamps(&question.sql, &columns)
}
