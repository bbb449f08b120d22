//! The rows of one batch in a table of their own, for what cannot be told from `event_store`.
//!
//! `event_store` removes rows past their retention soon after they came. What is derived from a batch counts them
//! nevertheless, so it is made from the rows that the spool still has, not from what is left in `event_store`.

use super::batch::{Batch, event_rows, failed, into, query_id, send, within};
use super::derived::Derived;
use super::{Store, StoreError, limits};
use crate::number::ServerId;
use tokio::time::timeout;

/// The name of the table without the id of its server. It has no materialized views, and is dropped after each use.
const TABLE_PREFIX: &str = "event_staging_";

/// What ClickHouse calls a table that is about to replace another one.
const REPLACING_PREFIX: &str = "_tmp_replace_";

/// For the rows as they came: nothing removes those past their retention.
const IN_MEMORY: &str = "ENGINE = Memory";

/// For rows that become a part of `event_store`: everything as there.
const AS_STORED: &str = "";

/// Whether a table of this name is made and dropped again all the time, and is missed by nobody.
pub(crate) fn is_transient(table: &str) -> bool {
    table.starts_with(TABLE_PREFIX) || table.starts_with(REPLACING_PREFIX)
}

/// Each server has its own: two of them may be at work at the same time.
fn table(batch: &Batch) -> String {
    format!("{TABLE_PREFIX}{}", ServerId::of(batch.number))
}

/// Whether every row of the batch is past its retention.
pub(crate) async fn is_expired(store: &Store, batch: &Batch) -> Result<bool, StoreError> {
    fill(store, batch, IN_MEMORY).await?;
    let statement =
        format!("SELECT count() = 0 FROM {} WHERE toDate(time) + retention_days > today()", table(batch));
    let is_expired = within(store.client().query(&statement).fetch_one()).await?;
    clear(store, batch).await?;
    Ok(is_expired)
}

/// Adds up a batch into the derived tables that have not got it.
pub(crate) async fn derive(store: &Store, missing: &[&Derived], batch: &Batch) -> Result<(), StoreError> {
    // Of a damaged spool's batch the spool lacks rows that ClickHouse may have.
    let source = if batch.is_partial {
        format!("(SELECT * FROM event_store WHERE {})", event_rows(batch))
    } else {
        fill(store, batch, IN_MEMORY).await?;
        table(batch)
    };
    for derived in missing {
        let name = query_id(batch);
        let statement = format!("INSERT INTO {} {}", derived.table, derived.select_from(&source));
        // One that times out here is found running by its name, and is not sent a second time meanwhile.
        let insert = store.client().query(&statement).with_setting("log_comment", &name).execute();
        let timed_out = |_| StoreError::TimedOut { statement: format!("insert into {}", derived.table) };
        timeout(limits::INSERT_TIMEOUT, insert).await.map_err(timed_out)?.map_err(failed)?;
    }
    clear(store, batch).await
}

/// Makes the rows of a batch a part of `event_store` without adding them up anywhere.
pub(crate) async fn attach(store: &Store, batch: &Batch) -> Result<(), StoreError> {
    fill(store, batch, AS_STORED).await?;
    let staged = table(batch);
    let statement = format!(
        "SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = '{staged}' AND active"
    );
    let partition: String = within(store.client().query(&statement).fetch_one()).await?;
    let statement = format!("ALTER TABLE event_store ATTACH PARTITION ID '{partition}' FROM {staged}");
    within(store.client().query(&statement).execute()).await?;
    clear(store, batch).await
}

async fn fill(store: &Store, batch: &Batch, engine: &str) -> Result<(), StoreError> {
    let staged = table(batch);
    let statement = format!("CREATE OR REPLACE TABLE {staged} AS event_store {engine}");
    within(store.client().query(&statement).execute()).await?;
    let mut insert = into(store, batch, &staged);
    send(&mut insert, batch).await?;
    insert.end().await.map_err(failed)
}

async fn clear(store: &Store, batch: &Batch) -> Result<(), StoreError> {
    within(store.client().query(&format!("DROP TABLE IF EXISTS {} SYNC", table(batch))).execute()).await
}
