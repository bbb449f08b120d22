//! What a server asks of a database when it starts: which issues there are, and whether it is the one that it knows.

use super::{Store, StoreError};
use crate::number::ServerId;
use clickhouse::Row;
use clickhouse::query::RowCursor;
use serde::Deserialize;

/// An issue may be in the one table and not yet in the other.
const ISSUES: &str = "SELECT i.fingerprint AS fingerprint, i.project AS project, \
        argMax(i.status, i.sequence) AS status, max(i.sequence) AS sequence \
    FROM ( \
        SELECT s.fingerprint AS fingerprint, toString(s.project) AS project, 'NEW' AS status, toUInt64(0) AS sequence \
        FROM issue_store AS s \
        UNION ALL \
        SELECT t.fingerprint, toString(t.project), toString(t.to_status), t.sequence FROM issue_transitions AS t \
    ) AS i \
    GROUP BY i.fingerprint, i.project";

/// When the database was made, and how many rows it has.
const AGE: &str = "SELECT toUnixTimestamp64Milli(min(m.applied_at)) AS made_ms, \
    assumeNotNull((SELECT count() FROM event_store)) AS rows FROM schema_migrations AS m";

const NEWER: &str = "SELECT count(), max(e.batch) FROM event_store AS e \
    WHERE e.batch > {batch:UInt64} AND bitAnd(e.batch, 2047) = {server:UInt16}";

/// An issue that the database has.
#[derive(Debug, Row, Deserialize)]
pub struct StoredIssue {
    /// What it is known by, beside its project.
    pub fingerprint: [u8; 16],
    /// Whose it is.
    pub project: String,
    /// The word of its state.
    pub status: String,
    /// The number of the change that brought it there; 0 = none.
    pub sequence: u64,
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

    /// How many events later batches of this server than `batch` brought, and the latest of these batches.
    ///
    /// # Errors
    /// ClickHouse does not answer, or a part cannot be read.
    pub async fn rows_after(&self, batch: u64, server: ServerId) -> Result<(u64, u64), StoreError> {
        let query = self.client().query(NEWER).param("batch", batch).param("server", server.get());
        query.fetch_one().await.map_err(|error| failed("rows of later batches", error))
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
