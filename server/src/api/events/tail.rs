use super::Search;
use crate::api::AppState;
use crate::api::query::{Query, Scope, refused};
use crate::clock;
use crate::error::{ApiError, ErrorBody};
use crate::search::Condition;
use crate::tail::{Position, Subscription, TailError, Tailed, limits};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use std::time::Duration;

/// The header by which a client that lost its connection says what it saw last.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// How long nothing is sent before a comment is, so that everybody between knows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How soon a client shall come again.
const COME_AGAIN: Duration = Duration::from_secs(2);

/// Follow events as they arrive.
///
/// Server-sent events: each event's data is a record as in the search, each has an `id`. An event of the type `skipped` says how many
/// were left out because more arrived than can be shown; its count is null if nobody knows. A client that comes again with
/// `Last-Event-ID`, and the same `q`, goes on behind that.
#[utoipa::path(
    get,
    path = "/api/v1/events/tail",
    operation_id = "tail_events",
    tag = "events",
    params(
        Search,
        Scope,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was seen; an hour back at most."),
    ),
    responses(
        (status = 200, description = "The events, without an end until the server stops.", body = String, content_type = "text/event-stream"),
        (status = 422, description = "An unknown parameter or a bad value; it is named, in `q` with the place.", body = ErrorBody),
        (status = 503, description = "Too many follow already, or ClickHouse is away; see Retry-After.", body = ErrorBody),
    )
)]
pub(super) async fn tail(
    State(state): State<AppState>,
    query: Query<(Search, Scope)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (search, scope) = query.parameters;
    let condition = Condition::from(&search.expression(&scope, clock::now())?);
    let after = last_event_id(&headers)?;
    let subscription = state.tail.subscribe(condition, after).await?;
    // The stream must not keep more of the server than it needs: a stop waits for what holds the spool.
    drop(state);
    let begin = Event::default().comment("tailing").retry(COME_AGAIN);
    let events = stream::once(async { Ok(begin) }).chain(events(subscription));
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("alive");
    // nginx would hold the events back until it has a buffer full of them.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((unbuffered, Sse::new(events).keep_alive(heartbeat)).into_response())
}

fn events(subscription: Subscription) -> impl Stream<Item = Result<Event, axum::Error>> {
    let shown = stream::unfold(subscription, async |mut subscription| {
        let shown = subscription.next().await?;
        Some((stream::iter(shown), subscription))
    });
    shown.flatten().map(|tailed| match tailed {
        Tailed::Record { position, record } => Event::default().id(position.to_string()).json_data(record),
        Tailed::Skipped(count) => Event::default().event("skipped").json_data(json!({"count": count})),
    })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.map(Some).ok_or_else(|| refused(LAST_EVENT_ID, "must be the id of an event that was sent"))
}

impl From<TailError> for ApiError {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Store(error) => error.into(),
            TailError::Full => ApiError::Unavailable {
                code: "overloaded",
                message: format!("{} follow the events already", limits::SUBSCRIBERS),
                retry_after_seconds: 5,
            },
        }
    }
}
