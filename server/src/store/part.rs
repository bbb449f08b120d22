//! The parts of the tables, as ClickHouse sees them.

use super::{Store, StoreError, limits};
use clickhouse::Row;
use clickhouse::sql::Identifier;
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
    /// When all of its rows are past their retention, in seconds since 1970; 0 if that is never.
    pub expires_s: u32,
}

/// All active parts of the database.
///
/// # Errors
/// ClickHouse does not answer.
pub async fn active(store: &Store) -> Result<Vec<ActivePart>, StoreError> {
    let statement = "SELECT table, name, path, rows, bytes_on_disk, toUnixTimestamp(delete_ttl_info_max) AS expires_s FROM system.parts \
                     WHERE database = currentDatabase() AND active";
    let query = store.client().query(statement).fetch_all();
    within("active parts", query).await
}

/// A damaged part that is not read.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct DetachedPart {
    /// Its table.
    pub table: String,
    /// The name of its folder.
    pub name: String,
    /// Its folder.
    pub path: String,
}

/// The damaged parts of the database that ClickHouse or this server put aside.
///
/// # Errors
/// ClickHouse does not answer.
pub async fn detached(store: &Store) -> Result<Vec<DetachedPart>, StoreError> {
    let statement = "SELECT assumeNotNull(table) AS table, name, path FROM system.detached_parts \
                     WHERE database = currentDatabase() AND name LIKE '%broken%' ORDER BY table, name";
    within("detached parts", store.client().query(statement).fetch_all()).await
}

/// Whether ClickHouse finds the part damaged when it reads all of it.
///
/// # Errors
/// ClickHouse does not answer, or the part is gone.
pub async fn is_damaged(store: &Store, part: &ActivePart) -> Result<bool, StoreError> {
    let table = Identifier(&part.table);
    // One row for each part, of which there is one.
    let query = store.client().query("CHECK TABLE ? PART ?").bind(table).bind(&part.name);
    let query = query.with_setting("check_query_single_value_result", "1");
    let is_whole: u8 = within("check of a part", query.fetch_one()).await?;
    Ok(is_whole == 0)
}

async fn within<T>(
    name: &str,
    answer: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, StoreError> {
    let answer = timeout(limits::READ_TIMEOUT, answer).await;
    let answer = answer.map_err(|_| StoreError::TimedOut { statement: name.to_owned() })?;
    answer.map_err(|source| StoreError::Query { statement: name.to_owned(), source })
}
