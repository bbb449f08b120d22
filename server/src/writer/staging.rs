//! The rows of one batch in a table of their own, for what cannot be told from `event_store`.
//!
//! `event_store` removes rows past their retention soon after they came. What is derived from a batch counts them
//! nevertheless, so it is made from the rows that the spool still has, not from what is left in `event_store`.

use super::insert::{into, query_id, within};
use super::limits;
use crate::spool::FrozenBatch;
use crate::store::Store;
use crate::store::derived::Derived;
use clickhouse::error::{Error, Result};
use tokio::time::timeout;

/// In memory, without retention and without materialized views. It is dropped after each use.
const TABLE: &str = "event_staging";

/// Whether every row of the batch is past its retention.
pub(super) async fn is_expired(store: &Store, batch: &FrozenBatch) -> Result<bool> {
    fill(store, batch).await?;
    let statement = format!("SELECT count() = 0 FROM {TABLE} WHERE toDate(time) + retention_days > today()");
    let is_expired = within(store.client().query(&statement).fetch_one()).await?;
    clear(store).await?;
    Ok(is_expired)
}

/// Adds up a batch into the derived tables that have not got it.
pub(super) async fn derive(store: &Store, missing: &[&Derived], batch: &FrozenBatch) -> Result<()> {
    fill(store, batch).await?;
    for derived in missing {
        let name = query_id(batch);
        let statement = format!("INSERT INTO {} {}", derived.table, derived.select_from(TABLE));
        // One that times out here is found running by its name, and is not sent a second time meanwhile.
        let insert = store.client().query(&statement).with_setting("log_comment", &name).execute();
        timeout(limits::INSERT_TIMEOUT, insert).await.unwrap_or(Err(Error::TimedOut))?;
    }
    clear(store).await
}

async fn fill(store: &Store, batch: &FrozenBatch) -> Result<()> {
    let statement = format!("CREATE OR REPLACE TABLE {TABLE} AS event_store ENGINE = Memory");
    within(store.client().query(&statement).execute()).await?;
    let mut insert = into(store, batch, TABLE)?;
    insert.send(batch.bytes.clone()).await?;
    insert.end().await
}

async fn clear(store: &Store) -> Result<()> {
    within(store.client().query(&format!("DROP TABLE IF EXISTS {TABLE} SYNC")).execute()).await
}
