use super::{Store, StoreError, limits};
use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use serde::Serialize;

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
