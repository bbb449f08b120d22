use super::place::Place;
use super::{Store, StoreError, limits};
use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use serde::Serialize;

/// The condition, in place of `{behind}` in a statement, that leaves out what is not behind a place in a list, newest first.
pub(super) const BEHIND: &str = "(e.time < fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR (toUnixTimestamp64Milli(e.received_at), e.batch, e.ordinal)
            < ({after_received_at:Int64}, {after_batch:UInt64}, {after_ordinal:UInt32}))";

/// The same for what is before a place, oldest first.
pub(super) const AHEAD: &str = "(e.time > fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR (toUnixTimestamp64Milli(e.received_at), e.batch, e.ordinal)
            > ({after_received_at:Int64}, {after_batch:UInt64}, {after_ordinal:UInt32}))";

/// The order, in place of `{order}` in a statement, of a list, newest first. It begins as the table is sorted, so that reading ends
/// when the page is full.
pub(super) const NEWEST_FIRST: &str =
    "toStartOfFiveMinutes(e.time) DESC, e.time DESC, e.received_at DESC, e.batch DESC, e.ordinal DESC";

/// The same, oldest first.
pub(super) const OLDEST_FIRST: &str =
    "toStartOfFiveMinutes(e.time), e.time, e.received_at, e.batch, e.ordinal";

/// A named statement that reads, with its parameters.
pub(super) struct Read {
    name: &'static str,
    query: Query,
}

impl Store {
    /// Prepares a statement. `text` may be put together from texts of this program, never from anything else.
    pub(super) fn read(&self, name: &'static str, text: &str) -> Read {
        let query = self
            .client
            // The raw form leaves `?` alone, which would otherwise be a parameter even inside a string.
            .query_raw(text)
            // 2 = reads only, but with the settings below; 1 would refuse these.
            .with_setting("readonly", "2")
            // Numbers inside of texts are read to the last digit, as those that they are compared with.
            .with_setting("precise_float_parsing", "1")
            .with_setting("max_execution_time", limits::READ_SECONDS.to_string())
            .with_setting("max_memory_usage", limits::READ_MEMORY_BYTES.to_string());
        Read { name, query }
    }
}

impl Read {
    /// Binds `{name:Type}` of the statement.
    pub(super) fn param(self, name: &str, value: impl Serialize) -> Self {
        Self { query: self.query.param(name, value), ..self }
    }

    /// Binds what [`BEHIND`] names.
    pub(super) fn behind(self, place: Place) -> Self {
        self.param("after", place.time)
            .param("after_received_at", place.received_at)
            .param("after_batch", place.batch)
            .param("after_ordinal", place.ordinal)
    }

    /// Reads with one thread: for a few rows, which further ones only cost the time to start them.
    pub(super) fn in_one_thread(self) -> Self {
        let query = self.query.with_setting("max_threads", "1");
        Self { query: query.with_setting("output_format_parallel_formatting", "0"), ..self }
    }

    /// All rows. The statement has a `LIMIT`.
    pub(super) async fn all<T: RowOwned + RowRead>(self) -> Result<Vec<T>, StoreError> {
        let Self { name, query } = self;
        bounded(name, query.fetch_all()).await
    }
}

async fn bounded<T>(
    name: &'static str,
    answer: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limits::READ_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(|source| StoreError::Query { statement: name.to_owned(), source }),
        Err(_) => Err(StoreError::TimedOut { statement: name.to_owned() }),
    }
}
