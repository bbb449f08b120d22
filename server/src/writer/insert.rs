//! The statements of the writer.

use super::limits;
use crate::spool::{FrozenBatch, Kind, columns};
use crate::store::Store;
use crate::store::derived::Derived;
use clickhouse::error::{Error, Result};
use std::time::Duration;
use tokio::time::timeout;

/// More rows than a batch ever has: what comes in several blocks is put together until there are so many.
const ONE_BLOCK_ROWS: &str = "100000000";

/// Inserts a batch as one block, which becomes one part in one partition: all of it or nothing.
pub(super) async fn batch(store: &Store, batch: &FrozenBatch, token: &str) -> Result<()> {
    let columns = columns(batch.version, batch.kind)
        .ok_or_else(|| Error::Custom(format!("the spool holds rows of version {}", batch.version)))?;
    let statement = format!("INSERT INTO {} ({columns}) FORMAT {}", batch.kind.table(), batch.kind.format());
    let name = query_id(batch);
    let mut insert = store
        .client()
        .insert_formatted_with(statement)
        .with_timeouts(Some(limits::INSERT_TIMEOUT), Some(limits::INSERT_TIMEOUT))
        .with_setting("async_insert", "0")
        .with_setting("query_id", &name)
        .with_setting("log_comment", &name)
        .with_setting("insert_deduplicate", "1")
        .with_setting("insert_deduplication_token", token)
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        // One block, whatever its size.
        .with_setting("max_insert_block_size", ONE_BLOCK_ROWS)
        .with_setting("min_insert_block_size_rows", ONE_BLOCK_ROWS)
        .with_setting("min_insert_block_size_bytes", "0")
        .with_setting("input_format_parallel_parsing", "0");
    insert.send(batch.bytes.clone()).await?;
    insert.end().await
}

/// The name by which an insert is found among the running statements. Each attempt has its own: a second statement under
/// the name of a running one would be refused.
fn query_id(batch: &FrozenBatch) -> String {
    format!("{}-{}-{}", batch.kind.table(), batch.number, uuid::Uuid::new_v4().simple())
}

/// Whether an insert of this batch, of whatever attempt, is still running.
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
        Kind::Transition => format!("SELECT count() FROM issue_transitions WHERE batch = {}", batch.number),
    };
    within(store.client().query(&statement).with_setting("use_query_condition_cache", "0").fetch_one()).await
}

/// Whether a derived table has this batch, or a later one.
pub(super) async fn is_derived(store: &Store, derived: &Derived, batch: &FrozenBatch) -> Result<bool> {
    // Batches are delivered one after the other in the order of their numbers.
    let statement = format!("SELECT max(batch) >= {} FROM {}", batch.number, derived.table);
    within(store.client().query(&statement).fetch_one()).await
}

/// Adds up a stored batch into a derived table that has not got it.
pub(super) async fn derive(store: &Store, derived: &Derived, batch: &FrozenBatch) -> Result<()> {
    let source = format!("(SELECT * FROM event_store WHERE {})", event_rows(batch));
    let statement = format!("INSERT INTO {} {}", derived.table, derived.select_from(&source));
    within(store.client().query(&statement).execute()).await
}

/// The rows of a batch, and the one partition in which they lie.
fn event_rows(batch: &FrozenBatch) -> String {
    format!("toDate(time) = toDate({}) AND batch = {}", batch.day, batch.number)
}

async fn within<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    let patience: Duration = limits::QUESTION_TIMEOUT;
    timeout(patience, answer).await.unwrap_or(Err(Error::TimedOut))
}
