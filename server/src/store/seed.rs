//! What a server asks of a database when it starts: which issues there are, and whether it is the one that it knows.

use super::{Store, StoreError};
use clickhouse::Row;
use clickhouse::query::RowCursor;
use serde::Deserialize;

const ISSUES: &str = "SELECT unhex(fingerprint) AS fingerprint_bytes, status, project FROM issues";

/// When the database was made, and how many rows it has.
const AGE: &str = "SELECT toUnixTimestamp64Milli(min(m.applied_at)) AS made_ms, \
    assumeNotNull((SELECT count() FROM event_store)) AS rows FROM schema_migrations AS m";

const NEWER: &str = "SELECT count() FROM event_store AS e WHERE e.batch > {batch:UInt64}";

/// An issue that the database has.
#[derive(Debug, Row, Deserialize)]
pub struct StoredIssue {
    /// 16 bytes.
    #[serde(with = "serde_bytes")]
    pub fingerprint_bytes: Vec<u8>,
    /// The word of its state.
    pub status: String,
    /// Whose it is.
    pub project: String,
}

/// All issues, one after the other.
pub struct StoredIssues(RowCursor<StoredIssue>);

/// How old a database is, and how full.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseAge {
    /// When it was made, in milliseconds since 1970.
    pub made_ms: i64,
    /// How many events it has.
    pub rows: u64,
}

impl Store {
    /// Reads all issues.
    ///
    /// # Errors
    /// ClickHouse does not answer.
    pub fn stored_issues(&self) -> Result<StoredIssues, StoreError> {
        self.client().query(ISSUES).fetch().map(StoredIssues).map_err(|error| failed("known issues", error))
    }

    /// When the database was made, and how many events it has.
    ///
    /// # Errors
    /// ClickHouse does not answer.
    pub async fn database_age(&self) -> Result<DatabaseAge, StoreError> {
        let age = self.client().query(AGE).fetch_one::<(i64, u64)>().await;
        let (made_ms, rows) = age.map_err(|error| failed("age of the database", error))?;
        Ok(DatabaseAge { made_ms, rows })
    }

    /// How many events later batches than this one brought.
    ///
    /// # Errors
    /// ClickHouse does not answer, or a part cannot be read.
    pub async fn rows_after(&self, batch: u64) -> Result<u64, StoreError> {
        let rows = self.client().query(NEWER).param("batch", batch).fetch_one().await;
        rows.map_err(|error| failed("rows of later batches", error))
    }
}

impl StoredIssues {
    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// ClickHouse does not answer.
    pub async fn next(&mut self) -> Result<Option<StoredIssue>, StoreError> {
        self.0.next().await.map_err(|error| failed("known issues", error))
    }
}

fn failed(statement: &str, source: clickhouse::error::Error) -> StoreError {
    StoreError::Query { statement: statement.to_owned(), source }
}
