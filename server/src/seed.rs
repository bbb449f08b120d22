//! Fills the issue index of a new spool with what ClickHouse knows.
//!
//! A spool that is lost, or a server that is new beside a database that is not, must not take a known error for
//! a new one.

use crate::spool::{KnownIssue, Loss, Spool, SpoolError};
use crate::store::{Store, StoreError};
use clickhouse::Row;
use log_center_wire::{Fingerprint, IssueStatus};
use serde::Deserialize;

/// How many issues go into the index with one write.
const CHUNK: usize = 10_000;

const STATEMENT: &str = "SELECT unhex(fingerprint) AS fingerprint_bytes, status, project FROM issues";

/// When the database was made, and the last batch in it.
const DATABASE: &str = "SELECT toUnixTimestamp64Milli(min(m.applied_at)) AS made_ms, \
    assumeNotNull((SELECT max(batch) FROM event_store)) AS batch FROM schema_migrations AS m";

const ANOTHER_DATABASE: &str = "If that was not intended, stop the server and bring the database back: the directory \
    `clickhouse` of LOG_CENTER_DATA_DIR, or the database that LOG_CENTER_CLICKHOUSE_URL and LOG_CENTER_CLICKHOUSE_DATABASE \
    named before. Until then known errors are new issues again.";

#[derive(Row, Deserialize)]
struct IssueRow {
    #[serde(with = "serde_bytes")]
    fingerprint_bytes: Vec<u8>,
    status: String,
    project: String,
}

/// Reads all issues and adds those to the index that are not in it.
///
/// # Errors
/// ClickHouse does not answer, or the spool cannot write; the next attempt begins anew.
pub(crate) async fn fill(spool: &Spool, store: &Store) -> Result<(), StoreError> {
    let failed = |source| StoreError::Query { statement: "seed of the issue index".to_owned(), source };
    let refused = |error: SpoolError| failed(clickhouse::error::Error::Other(Box::new(error)));
    let mut rows = store.client().query(STATEMENT).fetch::<IssueRow>().map_err(failed)?;
    let mut chunk = Vec::new();
    while let Some(row) = rows.next().await.map_err(failed)? {
        chunk.extend(known(row));
        if chunk.len() == CHUNK {
            spool.seed(std::mem::take(&mut chunk), false).await.map_err(refused)?;
        }
    }
    spool.seed(chunk, true).await.map_err(refused)
}

/// Looks whether this is the database that the spool wrote to. If that one is gone, its issues are forgotten: they are new again.
///
/// # Errors
/// ClickHouse does not answer, or the spool cannot write; the next attempt begins anew.
pub(crate) async fn check_database(spool: &Spool, store: &Store) -> Result<(), StoreError> {
    let failed = |source| StoreError::Query { statement: "age of the database".to_owned(), source };
    let refused = |error: SpoolError| failed(clickhouse::error::Error::Other(Box::new(error)));
    let (made_ms, batch): (i64, u64) = store.client().query(DATABASE).fetch_one().await.map_err(failed)?;
    let before = spool.database_made_ms();
    if before == Some(made_ms) {
        return Ok(());
    }
    let events = spool.stored_events();
    if before.is_some() && events > 0 {
        let events = if batch == 0 { events } else { 0 };
        let reason = match batch {
            0 => format!(
                "up to {events} events that were stored are gone: the database in ClickHouse is a new one, without any event"
            ),
            _ => "ClickHouse has another database than before; the issues are read from it anew".to_owned(),
        };
        tracing::error!(lost_events = events, action = ANOTHER_DATABASE, "{reason}");
        metrics::counter!("log_center_lost_events_total").increment(events);
        spool.set_loss_of_clickhouse(Loss { events, reason, action: ANOTHER_DATABASE });
        // An issue of an event that still waits is not in ClickHouse yet; it is forgotten only with all the others.
        if batch == 0 || spool.waiting_events() == 0 {
            spool.forget_issues().await.map_err(refused)?;
        }
        fill(spool, store).await?;
    }
    spool.set_database_made_ms(made_ms).map_err(refused)
}

fn known(row: IssueRow) -> Option<KnownIssue> {
    let fingerprint = Fingerprint::from_bytes(row.fingerprint_bytes.try_into().ok()?);
    let status = row.status.parse().unwrap_or(IssueStatus::New);
    Some(KnownIssue { fingerprint, status, project: row.project })
}
