//! The answer, as it comes from ClickHouse, piece by piece.

use super::document::Document;
use super::refusal;
use super::request::{Format, Request};
use crate::error::ApiError;
use crate::store::question::Answer;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::io;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// Time for the last words to leave before the connection is cut behind them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers with what the statement gives. A failure before the first piece is an error; a later one cuts the connection, so that
/// nobody takes what came for all.
pub(super) async fn respond(
    answer: Answer,
    request: Request,
    turn: OwnedSemaphorePermit,
    deadline: Instant,
) -> Result<Response, ApiError> {
    let mut pieces =
        Pieces { answer, deadline, seconds: request.seconds, format: request.format, bytes: 0, _turn: turn };
    let state = if request.format == Format::Json {
        let mut document = Document::new(pieces, request.max_rows);
        let head = document.head().await?;
        State::First(head, Source::Json(document))
    } else {
        match pieces.next().await? {
            Some(first) => State::First(first, Source::Plain(pieces)),
            None => State::Over,
        }
    };
    let content_type = HeaderValue::from_static(request.format.content_type());
    // Who compresses it asks once more behind its end.
    let body = Body::from_stream(stream(state).fuse());
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// What ClickHouse sends, until the deadline.
pub(super) struct Pieces {
    answer: Answer,
    deadline: Instant,
    seconds: u32,
    format: Format,
    /// How much came so far. ClickHouse counts a constant that fills a column once.
    bytes: u64,
    _turn: OwnedSemaphorePermit,
}

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Ok(piece) = timeout_at(self.deadline, self.answer.next()).await else {
            return Err(refusal::time_is_over(self.seconds));
        };
        let piece = piece.map_err(|error| refusal::answer(error, self.format))?;
        self.bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.bytes > self.format.bytes_max() {
            return Err(refusal::too_large(self.format));
        }
        Ok(piece)
    }
}

/// What a body is made of.
enum Source {
    Json(Document),
    Plain(Pieces),
}

/// What a body goes on with.
pub(super) enum Next {
    /// More.
    More(Bytes),
    /// The end.
    End(Bytes),
    /// The end by a failure: the last words, and the reason.
    Broken(Bytes, String),
}

impl Next {
    /// The end by this failure, which the last words tell.
    pub(super) fn broken(error: ApiError, words: impl FnOnce(String) -> String) -> Self {
        let reason = error.to_string();
        Self::Broken(words(error.into_detail()).into(), reason)
    }
}

impl Source {
    async fn next(&mut self) -> Next {
        match self {
            Self::Json(document) => document.next().await,
            Self::Plain(pieces) => match pieces.next().await {
                Ok(Some(piece)) => Next::More(piece),
                Ok(None) => Next::End(Bytes::new()),
                Err(error) if pieces.format == Format::Csv => {
                    Next::broken(error, |detail| format!("\n{detail}\n"))
                }
                Err(error) => Next::Broken(Bytes::new(), error.to_string()),
            },
        }
    }
}

enum State {
    First(Bytes, Source),
    Rest(Source),
    Broken(String),
    Over,
}

fn stream(state: State) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(state, async |state| match state {
        State::First(bytes, source) => Some((Ok(bytes), State::Rest(source))),
        State::Rest(mut source) => Some(match source.next().await {
            Next::More(bytes) => (Ok(bytes), State::Rest(source)),
            Next::End(bytes) => (Ok(bytes), State::Over),
            Next::Broken(words, reason) => (Ok(words), State::Broken(reason)),
        }),
        State::Broken(reason) => {
            tokio::time::sleep(LAST_WORDS).await;
            tracing::debug!(reason, "an answer was cut off");
            Some((Err(io::Error::other(reason)), State::Over))
        }
        State::Over => None,
    })
}
