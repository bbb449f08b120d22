//! Batches that were being sent when the spool was damaged, and whose entries it may lack.

use super::{insert, limits, staging};
use crate::number::ServerId;
use crate::spool::{FrozenBatch, Kind};
use crate::store::Store;
use crate::store::derived::DERIVED;
use clickhouse::error::Result;
use tokio::time::sleep;

/// Days and numbers of those that have arrived, in the order of their numbers.
const ARRIVED: &str = "SELECT toInt32(toDate(time)) AS day, e.batch AS number FROM event_store AS e \
    WHERE e.batch BETWEEN {first:UInt64} AND {last:UInt64} AND bitAnd(e.batch, 2047) = {server:UInt16} \
    GROUP BY day, number ORDER BY number";

/// Adds up what arrived of the batches of one server from `first` to `last` into the tables that have not got it. To be called before anything
/// later is sent: a table that has a later batch is taken for having these.
pub(crate) async fn complete(store: &Store, first: u64, last: u64) -> Result<()> {
    let query = store.client().query(ARRIVED).param("first", first).param("last", last);
    let query = query.param("server", ServerId::of(first).get());
    let arrived = insert::within(query.fetch_all::<(i32, u64)>()).await?;
    for (day, number) in arrived {
        let batch = FrozenBatch {
            number,
            kind: Kind::Event,
            version: 0,
            day,
            rows: 0,
            is_partial: true,
            bytes: Default::default(),
        };
        while insert::is_running(store, &batch).await? {
            sleep(limits::RETRY_MAX).await;
        }
        let mut missing = Vec::new();
        for derived in DERIVED {
            if !insert::is_derived(store, derived, &batch).await? {
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
