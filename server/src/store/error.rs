use super::{Cause, limits};
use crate::number::ServerId;
use std::fmt;

/// Why the store did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// ClickHouse refused a statement, or could not be reached.
    Query {
        /// Which statement: a named one, or a migration and its place in it.
        statement: String,
        /// What ClickHouse or the way to it says.
        source: clickhouse::error::Error,
    },
    /// ClickHouse did not answer within [`READ_TIMEOUT`](super::limits::READ_TIMEOUT).
    TimedOut {
        /// Which statement.
        statement: String,
    },
    /// The ClickHouse is older than [`OLDEST_SERVER`](super::limits::OLDEST_SERVER).
    OldServer {
        /// What it says of its version.
        version: String,
    },
    /// Another server that runs has the same id.
    ServerIdTaken {
        /// The id.
        server: ServerId,
    },
    /// A migration that the database has seen reads differently in this program.
    ChangedMigration {
        /// Its name.
        name: String,
    },
    /// The tables are those of a build from before the first release.
    UnreleasedDatabase {
        /// The migration by which that is seen.
        name: String,
    },
    /// The database has seen a migration that this program does not know: a newer program was here.
    NewerDatabase {
        /// The name of that migration.
        name: String,
    },
}

impl StoreError {
    /// What ClickHouse says, if it refused the statement, in its own words.
    pub fn exception(&self) -> Option<&str> {
        match self {
            StoreError::Query { source: clickhouse::error::Error::BadResponse(text), .. } => Some(text),
            _ => None,
        }
    }

    /// Whether waiting can help: ClickHouse is away, overloaded, or refused for a reason of its own. `false` means
    /// that program and database do not fit together, and trying again is of no use.
    pub fn is_unavailable(&self) -> bool {
        self.cause() != Cause::Defect
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Query { statement, source } => write!(f, "{statement}: {source}"),
            StoreError::TimedOut { statement } => write!(f, "{statement}: ClickHouse did not answer in time"),
            StoreError::OldServer { version } => {
                let (year, release) = limits::OLDEST_SERVER;
                write!(f, "this ClickHouse is {version}; {year}.{release} or a newer one is needed")
            }
            StoreError::ServerIdTaken { server } => write!(
                f,
                "another server with the id {server} writes to it; give each server a --server-id (LOG_CENTER_SERVER_ID) of its own"
            ),
            StoreError::ChangedMigration { name } => write!(
                f,
                "the migration {name} was changed after it had been applied to this database; \
                 a migration is never edited, the next change of the schema gets a file of its own"
            ),
            StoreError::UnreleasedDatabase { name } => write!(
                f,
                "its tables were made by a build from before the first release (it knows the migration {name}), and cannot be \
                 taken over: start with an empty LOG_CENTER_DATA_DIR, and with another LOG_CENTER_CLICKHOUSE_DATABASE if the \
                 ClickHouse is your own; or start the older build to read what is there"
            ),
            StoreError::NewerDatabase { name } => write!(
                f,
                "the database knows the migration {name} and this program does not: \
                 a newer log-center was here; start that one"
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Query { source, .. } => Some(source),
            _ => None,
        }
    }
}
