//! One JSON document made of rows that come as lines, never held as a whole.

use super::answer::{Next, Pieces};
use super::request::SqlColumn;
use crate::error::ApiError;
use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

/// A document that is being written.
pub(super) struct Document {
    pieces: Pieces,
    /// What came and is not a whole line yet.
    held: BytesMut,
    /// So much of it holds no line end.
    searched: usize,
    rows: u32,
    max_rows: u32,
    started: Instant,
}

impl Document {
    pub(super) fn new(pieces: Pieces, max_rows: u32) -> Self {
        Self { pieces, held: BytesMut::new(), searched: 0, rows: 0, max_rows, started: Instant::now() }
    }

    /// The columns, whose names and types are the first two lines.
    pub(super) async fn head(&mut self) -> Result<Bytes, ApiError> {
        let (names, types) = (self.texts().await?, self.texts().await?);
        let columns: Vec<_> =
            names.into_iter().zip(types).map(|(name, r#type)| SqlColumn { name, r#type }).collect();
        let columns =
            serde_json::to_string(&columns).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(format!("{{\"columns\":{columns},\"rows\":[").into())
    }

    /// More rows, or the end.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            let mut rows = BytesMut::with_capacity(self.held.len());
            while let Some(line) = self.line() {
                if self.rows == self.max_rows {
                    rows.extend_from_slice(&self.end(true));
                    return Next::End(rows.freeze());
                }
                if self.rows > 0 {
                    rows.extend_from_slice(b",\n");
                }
                rows.extend_from_slice(&line);
                self.rows += 1;
            }
            if !rows.is_empty() {
                return Next::More(rows.freeze());
            }
            match self.pieces.next().await {
                Ok(Some(piece)) => self.held.extend_from_slice(&piece),
                Ok(None) => return Next::End(self.end(false)),
                Err(error) => return Next::broken(error, |detail| format!("],\"error\":{detail}}}")),
            }
        }
    }

    /// The next line, an array of texts. A statement without an answer has none.
    async fn texts(&mut self) -> Result<Vec<String>, ApiError> {
        loop {
            if let Some(line) = self.line() {
                let reason =
                    |error| ApiError::Internal(format!("the head of an answer cannot be read: {error}"));
                return serde_json::from_slice(&line).map_err(reason);
            }
            match self.pieces.next().await? {
                Some(piece) => self.held.extend_from_slice(&piece),
                None => return Ok(Vec::new()),
            }
        }
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Option<BytesMut> {
        let Some(end) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.held.len();
            return None;
        };
        let end = std::mem::take(&mut self.searched) + end;
        let mut line = self.held.split_to(end + 1);
        line.truncate(end);
        Some(line)
    }

    fn end(&self, truncated: bool) -> Bytes {
        let elapsed_ms = self.started.elapsed().as_millis();
        let rows = self.rows;
        format!("],\"row_count\":{rows},\"truncated\":{truncated},\"elapsed_ms\":{elapsed_ms}}}").into()
    }
}
