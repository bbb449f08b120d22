//! Fills the issue index of a new spool with what ClickHouse knows.
//!
//! A spool that is lost, or a server that is new beside a database that is not, must not take a known error for
//! a new one.

use crate::spool::{KnownIssue, Spool, SpoolError};
use crate::store::{Store, StoreError};
use clickhouse::Row;
use log_center_wire::{Fingerprint, IssueStatus};
use serde::Deserialize;

/// How many issues go into the index with one write.
const CHUNK: usize = 10_000;

const STATEMENT: &str = "SELECT unhex(fingerprint) AS fingerprint_bytes, status, project FROM issues";

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

fn known(row: IssueRow) -> Option<KnownIssue> {
    let fingerprint = Fingerprint::from_bytes(row.fingerprint_bytes.try_into().ok()?);
    let status = row.status.parse().unwrap_or(IssueStatus::New);
    Some(KnownIssue { fingerprint, status, project: row.project })
}
