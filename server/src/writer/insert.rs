//! The statements of the writer.

use super::limits;
use crate::number::ServerId;
use crate::spool::{FrozenBatch, Kind, columns};
use crate::store::Store;
use crate::store::derived::Derived;
use clickhouse::error::{Error, Result};
use clickhouse::insert_formatted::InsertFormatted;
use std::time::Duration;
use tokio::time::timeout;

/// More rows than a batch ever has: what comes in several blocks is put together until there are so many.
const ONE_BLOCK_ROWS: &str = "100000000";

/// Inserts a batch as one block, which becomes one part in one partition: all of it or nothing.
pub(super) async fn batch(store: &Store, batch: &FrozenBatch, token: &str) -> Result<()> {
    let mut insert = into(store, batch, batch.kind.table())?
        .with_setting("insert_deduplicate", "1")
        .with_setting("insert_deduplication_token", token)
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1");
    insert.send(batch.bytes.clone()).await?;
    insert.end().await
}

/// An insert of the rows of a batch as one block into a table that has its columns. Its name is found by [`is_running`].
pub(super) fn into(store: &Store, batch: &FrozenBatch, table: &str) -> Result<InsertFormatted> {
    let columns = columns(batch.version, batch.kind)
        .ok_or_else(|| Error::Custom(format!("the spool holds rows of version {}", batch.version)))?;
    let statement = format!("INSERT INTO {table} ({columns}) FORMAT {}", batch.kind.format());
    let name = query_id(batch);
    Ok(store
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
        .with_setting("input_format_parallel_parsing", "0"))
}

/// The name by which an insert is found among the running statements. Each attempt has its own: a second statement under
/// the name of a running one would be refused.
pub(super) fn query_id(batch: &FrozenBatch) -> String {
    format!("{}-{}-{}", batch.kind.table(), batch.number, uuid::Uuid::new_v4().simple())
}

/// Whether an insert of this batch, or of what is derived from it, is still running, of whatever attempt.
pub(super) async fn is_running(store: &Store, batch: &FrozenBatch) -> Result<bool> {
    let query = store
        .client()
        // The embedded engine gives its own ids to statements; the comment is the same everywhere.
        .query("SELECT count() > 0 FROM system.processes WHERE Settings['log_comment'] LIKE {pattern:String}")
        .param("pattern", format!("{}-{}-%", batch.kind.table(), batch.number));
    within(query.fetch_one::<bool>()).await
}

/// How many rows of this batch are there.
pub(super) async fn stored_rows(store: &Store, batch: &FrozenBatch) -> Result<u64> {
    let statement = match batch.kind {
        Kind::Event | Kind::EventBlock => {
            format!("SELECT count() FROM event_store WHERE {}", event_rows(batch))
        }
        Kind::Transition => format!(
            "SELECT count() FROM issue_transitions WHERE server = {} AND batch = {}",
            ServerId::of(batch.number),
            batch.number
        ),
    };
    within(store.client().query(&statement).with_setting("use_query_condition_cache", "0").fetch_one()).await
}

/// Whether a derived table has this batch, or a later one of the same server.
pub(super) async fn is_derived(store: &Store, derived: &Derived, batch: &FrozenBatch) -> Result<bool> {
    // A server delivers its batches one after the other in the order of their numbers.
    let server = ServerId::of(batch.number);
    let statement =
        format!("SELECT max(d.batches[{server}]) >= {} FROM {} AS d", batch.number, derived.table);
    within(store.client().query(&statement).fetch_one()).await
}

/// The rows of a batch, and the one partition in which they lie.
pub(super) fn event_rows(batch: &FrozenBatch) -> String {
    format!("toDate(time) = toDate({}) AND batch = {}", batch.day, batch.number)
}

pub(super) async fn within<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    let patience: Duration = limits::QUESTION_TIMEOUT;
    timeout(patience, answer).await.unwrap_or(Err(Error::TimedOut))
}
