//! The parts of the tables, as ClickHouse sees them.

use super::{Store, StoreError, limits};
use clickhouse::Row;
use serde::Deserialize;
use tokio::time::timeout;

/// A part that queries read.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct ActivePart {
    /// Its table.
    pub table: String,
    /// Its name, which its table never uses again.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// The sizes of its files, but for those that only describe it.
    pub bytes_on_disk: u64,
}

/// All active parts of the database.
///
/// # Errors
/// ClickHouse does not answer.
pub async fn active(store: &Store) -> Result<Vec<ActivePart>, StoreError> {
    let statement = "SELECT table, name, path, rows, bytes_on_disk FROM system.parts \
                     WHERE database = currentDatabase() AND active";
    let query = store.client().query(statement).fetch_all();
    within("active parts", query).await
}

/// How many damaged parts of the database were put aside.
///
/// # Errors
/// ClickHouse does not answer.
pub async fn detached(store: &Store) -> Result<u64, StoreError> {
    let statement = "SELECT count() FROM system.detached_parts \
                     WHERE database = currentDatabase() AND startsWith(name, 'broken')";
    within("detached parts", store.client().query(statement).fetch_one()).await
}

async fn within<T>(
    name: &str,
    answer: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, StoreError> {
    let answer = timeout(limits::READ_TIMEOUT, answer).await;
    let answer = answer.map_err(|_| StoreError::TimedOut { statement: name.to_owned() })?;
    answer.map_err(|source| StoreError::Query { statement: name.to_owned(), source })
}
