//! Makes the tables again when ClickHouse loses them while the server runs, as a remote one does that comes back empty.

use crate::recurring::Recurring;
use crate::store::{Cause, Store, StoreError};
use crate::writer;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// How often the tables are looked for. After so long at the most a store that came back empty takes events again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Tables of the database, with their rows where ClickHouse knows them.
type Tables = BTreeMap<String, Option<u64>>;

/// Looks for the tables until it is dropped. Begins after the migrations have run.
pub(crate) async fn run(store: Store) {
    let failures = Recurring::new();
    let mut known = Tables::new();
    loop {
        match look(&store, &mut known).await {
            Ok(()) => _ = failures.ended(),
            // That ClickHouse is away is told by those who need it.
            Err(error) if matches!(error.cause(), Cause::Unreachable | Cause::TimedOut) => {}
            Err(error) => {
                if let Some(times) = failures.came(error.cause()) {
                    tracing::error!(%error, times, "the missing tables cannot be made again; trying on");
                }
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(store: &Store, known: &mut Tables) -> Result<(), StoreError> {
    let found = lasting_tables(store).await?;
    let missing: Vec<_> = known.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    if missing.is_empty() {
        if known.is_empty() {
            tracing::info!(tables = found.len(), "the tables are watched");
        }
        *known = found;
        return Ok(());
    }
    let rows_gone: u64 = missing.iter().filter_map(|name| known.get(name).copied().flatten()).sum();
    let events_gone =
        known.get("event_store").copied().flatten().filter(|_| !found.contains_key("event_store"));
    tracing::error!(
        events_gone,
        rows_gone,
        tables = missing.join(", "),
        "tables are gone from ClickHouse with their rows; they are made again, the issue index is kept"
    );
    store.migrate_again().await?;
    *known = lasting_tables(store).await?;
    tracing::warn!("the tables are there again, without what they held");
    Ok(())
}

/// All but those that the writer makes and drops as it needs.
async fn lasting_tables(store: &Store) -> Result<Tables, StoreError> {
    let mut tables = store.tables().await?;
    tables.retain(|name, _| !writer::is_transient(name));
    Ok(tables)
}
