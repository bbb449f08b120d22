//! Makes the tables again when ClickHouse loses them while the server runs, as a remote one does that comes back empty.

use crate::engine_child::keep_descriptions;
use crate::recurring::Recurring;
use crate::store::{Cause, Store, StoreError, schema};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often the tables are looked for. After so long at the most a store that came back empty takes events again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Tables of the database, with their rows where ClickHouse knows them.
type Tables = BTreeMap<String, Option<u64>>;

/// What a look found.
#[derive(PartialEq, Eq)]
enum Look {
    Whole,
    MadeAgain,
}

/// Looks for the tables until it is dropped. Begins after the migrations have run. `data_dir` is that of the embedded
/// ClickHouse: the descriptions of whole tables are copied there.
pub(crate) async fn run(store: Store, data_dir: Option<PathBuf>) {
    let failures = Recurring::new();
    let mut known = Tables::new();
    let mut is_kept = false;
    loop {
        let looked = look(&store, &mut known).await;
        if let (Ok(Look::Whole), Some(directory), false) = (&looked, data_dir.clone(), is_kept) {
            is_kept = spawn_blocking(move || keep_descriptions(&directory)).await.is_ok();
        }
        match looked.map(|look| is_kept &= look == Look::Whole) {
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

/// Makes those tables again that are missing although the database says that it has seen their migrations.
pub(crate) async fn complete(store: &Store) -> Result<(), StoreError> {
    let found = store.tables().await?;
    let missing: Vec<_> = schema::names().into_iter().filter(|name| !found.contains_key(name)).collect();
    if !missing.is_empty() {
        tracing::error!(tables = missing.join(", "), "tables are missing in ClickHouse; they are made again");
        store.migrate_again().await?;
    }
    Ok(())
}

async fn look(store: &Store, known: &mut Tables) -> Result<Look, StoreError> {
    let found = own_tables(store).await?;
    let missing: Vec<_> = known.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
    if missing.is_empty() {
        if known.is_empty() {
            tracing::info!(tables = found.len(), "the tables are watched");
        }
        *known = found;
        return Ok(Look::Whole);
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
    *known = own_tables(store).await?;
    tracing::warn!("the tables are there again, without what they held");
    Ok(Look::MadeAgain)
}

/// Those that the migrations make. What others make and drop in the database is their own.
async fn own_tables(store: &Store) -> Result<Tables, StoreError> {
    let own = schema::names();
    let mut tables = store.tables().await?;
    tables.retain(|name, _| own.contains(name));
    Ok(tables)
}
