//! Batches that were being sent when the spool was damaged, and whose entries it may lack.

use super::limits;
use crate::spool::Kind;
use crate::store::batch::{self, Batch};
use crate::store::derived::DERIVED;
use crate::store::{Store, StoreError, staging};
use tokio::time::sleep;

/// Adds up what arrived of the batches of one server from `first` to `last` into the tables that have not got it. To be called before anything
/// later is sent: a table that has a later batch is taken for having these.
pub(crate) async fn complete(store: &Store, first: u64, last: u64) -> Result<(), StoreError> {
    for (day, number) in batch::arrived(store, first, last).await? {
        let batch = Batch {
            number,
            table: Kind::Event.table(),
            // Nothing is inserted: the rows are there.
            columns: "",
            format: Kind::Event.format(),
            day,
            is_partial: true,
            bytes: Default::default(),
        };
        while batch::is_running(store, &batch).await? {
            sleep(limits::RETRY_MAX).await;
        }
        let mut missing = Vec::new();
        for derived in DERIVED {
            if !batch::is_derived(store, derived, &batch).await? {
                missing.push(derived);
            }
        }
        if !missing.is_empty() {
            tracing::warn!(
                batch = number,
                tables = missing.len(),
                "a batch that was sent in part is added up"
            );
            staging::derive(store, &missing, &batch).await?;
        }
    }
    Ok(())
}
