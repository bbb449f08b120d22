//! Batches of rows: inserted as one part each, and looked for after an insert with an unclear end.

use super::derived::Derived;
use super::{Store, StoreError, limits};
use crate::number::ServerId;
use bytes::Bytes;
use clickhouse::insert_formatted::InsertFormatted;
use tokio::time::timeout;

/// Rows of one table and one day under one number, which every row carries.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The number.
    pub number: u64,
    /// The table: [`EVENTS`] or [`TRANSITIONS`].
    pub table: &'static str,
    /// The names of the columns, in the order in which the rows have them.
    pub columns: &'static str,
    /// The format of the rows, as ClickHouse calls it.
    pub format: &'static str,
    /// The day of the rows, counted from 1970-01-01.
    pub day: i32,
    /// Only some of the rows that were sent under this number may be here.
    pub is_partial: bool,
    /// The rows.
    pub bytes: Bytes,
}

/// The table of the events.
pub const EVENTS: &str = "event_store";

/// The table of the changes of issues' states.
pub const TRANSITIONS: &str = "issue_transitions";

/// What the writer calls its inserts in errors.
const INSERT: &str = "insert of a batch";

/// What it calls its look-ups.
const LOOKUP: &str = "look-up of a batch";

/// More rows than a batch ever has: what comes in several blocks is put together until there are so many.
const ONE_BLOCK_ROWS: &str = "100000000";

/// Inserts a batch as one block, which becomes one part in one partition: all of it or nothing.
pub(crate) async fn insert(store: &Store, batch: &Batch, token: &str) -> Result<(), StoreError> {
    let mut insert = into(store, batch, batch.table)
        .with_setting("insert_deduplicate", "1")
        .with_setting("insert_deduplication_token", token)
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        // The views wait for the disk, not for each other.
        .with_setting("parallel_view_processing", "1");
    send(&mut insert, batch).await?;
    insert.end().await.map_err(failed)
}

/// Sends the rows.
pub(super) async fn send(insert: &mut InsertFormatted, batch: &Batch) -> Result<(), StoreError> {
    insert.send(batch.bytes.clone()).await.map_err(failed)
}

/// An insert of the rows of a batch as one block into a table that has its columns. Its name is found by [`is_running`].
pub(super) fn into(store: &Store, batch: &Batch, table: &str) -> InsertFormatted {
    let statement = format!("INSERT INTO {table} ({}) FORMAT {}", batch.columns, batch.format);
    let name = query_id(batch);
    store
        .client()
        .insert_formatted_with(statement)
        .with_timeouts(Some(limits::INSERT_TIMEOUT), Some(limits::INSERT_TIMEOUT))
        .with_setting("async_insert", "0")
        .with_setting("query_id", &name)
        .with_setting("log_comment", &name)
        // One block, whatever its size.
        .with_setting("max_insert_block_size", ONE_BLOCK_ROWS)
        .with_setting("min_insert_block_size_rows", ONE_BLOCK_ROWS)
        .with_setting("min_insert_block_size_bytes", "0")
        .with_setting("input_format_parallel_parsing", "0")
}

/// The name by which an insert is found among the running statements. Each attempt has its own: a second statement under
/// the name of a running one would be refused.
pub(super) fn query_id(batch: &Batch) -> String {
    format!("{}-{}-{}", batch.table, batch.number, uuid::Uuid::new_v4().simple())
}

/// Whether an insert of this batch, or of what is derived from it, is still running, of whatever attempt.
pub(crate) async fn is_running(store: &Store, batch: &Batch) -> Result<bool, StoreError> {
    let query = store
        .client()
        // The embedded engine gives its own ids to statements; the comment is the same everywhere.
        .query("SELECT count() > 0 FROM system.processes WHERE Settings['log_comment'] LIKE {pattern:String}")
        .param("pattern", format!("{}-{}-%", batch.table, batch.number));
    within(query.fetch_one::<bool>()).await
}

/// How many rows of this batch are there.
pub(crate) async fn stored_rows(store: &Store, batch: &Batch) -> Result<u64, StoreError> {
    let statement = match batch.table {
        EVENTS => format!("SELECT count() FROM {EVENTS} WHERE {}", event_rows(batch)),
        table => {
            let server = ServerId::of(batch.number);
            format!("SELECT count() FROM {table} WHERE server = {server} AND batch = {}", batch.number)
        }
    };
    within(store.client().query(&statement).with_setting("use_query_condition_cache", "0").fetch_one()).await
}

/// Whether a derived table has this batch, or a later one of the same server.
pub(crate) async fn is_derived(store: &Store, derived: &Derived, batch: &Batch) -> Result<bool, StoreError> {
    // A server delivers its batches one after the other in the order of their numbers.
    let server = ServerId::of(batch.number);
    let statement =
        format!("SELECT max(d.batches[{server}]) >= {} FROM {} AS d", batch.number, derived.table);
    within(store.client().query(&statement).fetch_one()).await
}

/// The rows of a batch, and the one partition in which they lie.
pub(super) fn event_rows(batch: &Batch) -> String {
    format!("toDate(time) = toDate({}) AND batch = {}", batch.day, batch.number)
}

/// Days and numbers of the batches of events of one server from `first` to `last` that have arrived, in the order of their numbers.
pub(crate) async fn arrived(store: &Store, first: u64, last: u64) -> Result<Vec<(i32, u64)>, StoreError> {
    const ARRIVED: &str = "SELECT toInt32(toDate(time)) AS day, e.batch AS number FROM event_store AS e \
        WHERE e.batch BETWEEN {first:UInt64} AND {last:UInt64} AND bitAnd(e.batch, 2047) = {server:UInt16} \
        GROUP BY day, number ORDER BY number";
    let query = store.client().query(ARRIVED).param("first", first).param("last", last);
    within(query.param("server", ServerId::of(first).get()).fetch_all()).await
}

/// The outcome of a short statement about a batch, or [`StoreError::TimedOut`].
pub(super) async fn within<T>(
    answer: impl Future<Output = clickhouse::error::Result<T>>,
) -> Result<T, StoreError> {
    let statement = || LOOKUP.to_owned();
    let answer = timeout(limits::BATCH_LOOKUP_TIMEOUT, answer).await;
    let answer = answer.map_err(|_| StoreError::TimedOut { statement: statement() })?;
    answer.map_err(|source| StoreError::Query { statement: statement(), source })
}

pub(super) fn failed(source: clickhouse::error::Error) -> StoreError {
    StoreError::Query { statement: INSERT.to_owned(), source }
}
