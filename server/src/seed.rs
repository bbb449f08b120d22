//! Fills the issue index of a new spool with what ClickHouse knows.
//!
//! A spool that is lost, or a server that is new beside a database that is not, must not take a known error for
//! a new one.

use crate::number;
use crate::parts;
use crate::spool::{KnownIssue, Loss, Spool, SpoolError};
use crate::store::seed::{DatabaseAge, StoredIssue};
use crate::store::{Cause, Store, StoreError};
use log_center_wire::{Fingerprint, IssueStatus};

/// How many issues go into the index with one write.
const CHUNK: usize = 10_000;

const OLDER_SPOOL: &str = "If the directory of the spool is an older copy, stop the server and bring the newest one back. If \
    another server with the same id writes to the same database, give one of them another LOG_CENTER_SERVER_ID.";

const ANOTHER_DATABASE: &str = "If that was not intended, stop the server and bring the database back: the directory \
    `clickhouse` of LOG_CENTER_DATA_DIR, or the database that LOG_CENTER_CLICKHOUSE_URL and LOG_CENTER_CLICKHOUSE_DATABASE \
    named before. Until then known errors are new issues again.";

/// Why the index is not filled yet. The next attempt begins anew.
#[derive(Debug)]
pub(crate) enum SeedError {
    /// ClickHouse does not answer.
    Store(StoreError),
    /// The spool cannot write.
    Spool(SpoolError),
}

impl From<StoreError> for SeedError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SpoolError> for SeedError {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

/// Reads all issues and adds those to the index that are not in it.
async fn fill(spool: &Spool, store: &Store) -> Result<(), SeedError> {
    // First: what comes while the issues are read is followed then.
    let marks = store.issue_marks(spool.server()).await?;
    let mut issues = store.stored_issues()?;
    let mut chunk = Vec::new();
    while let Some(issue) = issues.next().await? {
        chunk.push(known(issue));
        if chunk.len() == CHUNK {
            spool.seed(std::mem::take(&mut chunk), false).await?;
        }
    }
    spool.follow(Vec::new(), marks).await?;
    Ok(spool.seed(chunk, true).await?)
}

/// Whether this is the database that the spool wrote to.
pub(crate) enum Database {
    /// It is, or there was none before.
    Same { made_ms: i64 },
    /// It is another one: what the issue index was filled from is gone.
    Another { made_ms: i64 },
}

/// Compares ClickHouse with what the spool knows of it, and tells what is lost or will be doubled.
///
/// # Errors
/// ClickHouse does not answer.
pub(crate) async fn compare(spool: &Spool, store: &Store) -> Result<Database, StoreError> {
    let DatabaseAge { made_ms, rows } = store.database_age().await?;
    let newer = newer_rows(spool, store).await?;
    let waiting = spool.waiting_events();
    if newer > 0 && waiting > 0 {
        let reason = format!(
            "up to {waiting} events that wait may be in ClickHouse already and will be doubled then: it has {newer} rows of \
             later batches than this spool has sent"
        );
        tracing::warn!(action = OLDER_SPOOL, "{reason}");
        spool.set_loss_of_clickhouse(Loss { events: 0, reason, action: OLDER_SPOOL, half_sent: None });
    }
    let before = spool.database_made_ms();
    let stored = spool.stored_events();
    // Batches are named by the time at which they were sent.
    let is_younger =
        || i64::try_from(number::ms_of(spool.last_batch())).is_ok_and(|sent_ms| sent_ms < made_ms);
    let is_same = before.map_or_else(|| !is_younger(), |before| before == made_ms);
    if is_same || stored == 0 {
        return Ok(Database::Same { made_ms });
    }
    let events = if rows == 0 { stored } else { 0 };
    let reason = match events {
        0 => "ClickHouse has another database than before; the issues are read from it anew".to_owned(),
        _ => format!(
            "up to {events} events that were stored are gone: the database in ClickHouse is a new one"
        ),
    };
    tracing::error!(lost_events = events, action = ANOTHER_DATABASE, "{reason}");
    metrics::counter!("log_center_lost_events_total").increment(events);
    spool.set_loss_of_clickhouse(Loss { events, reason, action: ANOTHER_DATABASE, half_sent: None });
    Ok(Database::Another { made_ms })
}

/// A part that cannot be read is told, and does not keep the server from starting: this looks for an older copy of the spool
/// only, which has its mark, too.
async fn newer_rows(spool: &Spool, store: &Store) -> Result<u64, StoreError> {
    let error = match store.rows_after(spool.last_batch(), spool.server()).await {
        Ok((newer, last)) => {
            // A new spool, and a clock that went back, must not give a number again.
            spool.see_number(last);
            return Ok(newer);
        }
        Err(error) => error,
    };
    if error.cause() != Cause::PartBroken {
        return Err(error);
    }
    parts::notice(&error);
    tracing::warn!(%error, code = error.cause().code(), "whether the spool is older than ClickHouse cannot be seen");
    Ok(0)
}

/// Fills the index as it is needed for this database, and keeps which one it is.
///
/// # Errors
/// See [`fill`].
pub(crate) async fn settle(spool: &Spool, store: &Store, database: &Database) -> Result<(), SeedError> {
    let (Database::Same { made_ms } | Database::Another { made_ms }) = database;
    if matches!(database, Database::Another { .. }) {
        spool.forget_issues().await?;
        fill(spool, store).await?;
    } else if !spool.is_seeded() {
        fill(spool, store).await?;
    }
    Ok(spool.set_database_made_ms(*made_ms)?)
}

fn known(issue: StoredIssue) -> KnownIssue {
    let StoredIssue { fingerprint, project, status, sequence } = issue;
    let status = status.parse().unwrap_or(IssueStatus::New);
    KnownIssue { fingerprint: Fingerprint::from_bytes(fingerprint), project, status, sequence }
}
