//! What of the data directory's descriptions of databases, tables and functions is the store's own.
//!
//! ClickHouse reads them all when it starts, and believes them: one that is broken stops the start, one of a view runs with all rights.
//! They lie where SQL can write, because ClickHouse itself writes them. So the engine notes each description that came from a
//! statement with the password, with the hash of its text, in a journal beside the data directory, where SQL does not reach. At the
//! start, before ClickHouse opens the directory, what is not in the journal is moved aside.
//!
//! A description stays known for good, also in its earlier versions, so that an older copy of the directory can be put back.
//! Without a journal, as after a first start with this version, all that is there is taken as it is.

mod found;
mod journal;
mod quarantine;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use found::{Found, Place};
use journal::Journal;

use crate::Error;
use crate::chdb::{Connection, Engine};
use crate::exception::{Exception, Kind};

/// The names of all that has a description, by the folder in which it lies; asked only if there is something. The databases are those
/// that keep the descriptions of their tables in files.
const LIVE: [(&str, &str); 4] = [
    (
        "metadata",
        "SELECT 'table', database, name FROM system.tables WHERE NOT is_temporary AND database IN \
         (SELECT name FROM system.databases WHERE engine IN ('Atomic', 'Lazy', 'Ordinary', 'Overlay', 'Replicated')) \
         UNION ALL SELECT 'database', name, '' FROM system.databases",
    ),
    ("user_defined", "SELECT 'function', name, '' FROM system.functions WHERE origin = 'SQLUserDefined'"),
    ("named_collections", "SELECT 'collection', name, '' FROM system.named_collections"),
    (
        "workload",
        "SELECT 'workload', name, '' FROM system.workloads UNION ALL SELECT 'resource', name, '' FROM system.resources",
    ),
];

/// What is known of the descriptions in one data directory.
#[derive(Debug)]
pub(crate) struct Descriptions {
    data_dir: PathBuf,
    /// `None` where no journal can be kept.
    journal: Option<Mutex<Journal>>,
}

impl Descriptions {
    /// Looks through the directory, before ClickHouse opens it and before the sandbox closes what is beside it.
    ///
    /// # Errors
    /// What is not the store's own cannot be moved aside.
    pub(crate) fn check(data_dir: &Path) -> Result<Self, Error> {
        let found = found::all(data_dir);
        let journal = match Journal::open(data_dir) {
            Ok(journal) => journal,
            Err(error) => {
                tracing::warn!(
                    error = %error,
                    "what lies in the data directory is not looked through: no journal of it can be kept"
                );
                return Ok(Self { data_dir: data_dir.to_owned(), journal: None });
            }
        };
        let own = match &journal.trusts_directory {
            Some(reason) => {
                if !found.is_empty() {
                    tracing::info!(reason, "all descriptions of tables are taken as they are");
                }
                found
            }
            None => {
                let (own, foreign): (Vec<_>, Vec<_>) =
                    found.iter().cloned().partition(|one| journal.knows(one, &found));
                quarantine::move_aside(data_dir, &foreign)?;
                own
            }
        };
        quarantine::move_aside(data_dir, &found::never_own(data_dir))?;
        let journal = Some(Mutex::new(journal.begin(&own)?));
        Ok(Self { data_dir: data_dir.to_owned(), journal })
    }

    /// Notes that a statement is about to change descriptions. [`record`](Self::record) must follow; if the engine ends before that,
    /// the next start does not know whose the changes are and takes them.
    pub(crate) fn expect_change(&self) -> Result<(), Exception> {
        let Some(mut journal) = self.journal() else { return Ok(()) };
        journal.expect_change().map_err(|error| {
            Exception::new(
                Kind::UnknownException,
                format_args!("nothing was changed: the journal of tables cannot be written: {error}"),
            )
        })
    }

    /// Notes the descriptions of all that there is now, after an expected change.
    pub(crate) fn record(&self, engine: &Engine) {
        if let Some(mut journal) = self.journal() {
            self.note(&mut journal, engine, true);
        }
    }

    /// Notes what ClickHouse changed by itself, as a view does that is made anew on a schedule. Costs a look at a few folders if there is
    /// nothing.
    pub(crate) fn keep_up(&self, engine: &Engine) {
        let changed = found::last_change(&self.data_dir);
        let Some(mut journal) = self.journal() else { return };
        if changed > journal.recorded_until {
            self.note(&mut journal, engine, false);
        }
    }

    fn note(&self, journal: &mut Journal, engine: &Engine, ends_change: bool) {
        // Before the look, so that what changes during it is seen at the next one.
        journal.recorded_until = found::last_change(&self.data_dir);
        let found = found::all(&self.data_dir);
        let noted = match engine.connect(&[]).and_then(|connection| live(connection, &found)) {
            Ok(live) => {
                let is_own = |one: &Found| match one.place.detached_table() {
                    Some(table) => journal.knows_place(&table) && !live.contains(&table),
                    None => live.contains(&one.place),
                };
                let own: Vec<Found> = found.into_iter().filter(is_own).collect();
                journal.note(&own, ends_change).map_err(|error| error.to_string())
            }
            Err(exception) => Err(exception.to_string()),
        };
        if let Err(error) = noted {
            tracing::warn!(error, "the journal of tables is behind");
        }
    }

    fn journal(&self) -> Option<MutexGuard<'_, Journal>> {
        Some(self.journal.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where the descriptions of all that there is must lie.
fn live(mut connection: Connection, found: &[Found]) -> Result<HashSet<Place>, Exception> {
    let mut live = HashSet::new();
    for (folder, question) in LIVE {
        if !found.iter().any(|one| one.place.is_in(folder)) {
            continue;
        }
        let answer = connection.query(question, "JSONCompactEachRow", &[])?.text();
        for row in answer.lines() {
            let (kind, outer, inner): (String, String, String) =
                serde_json::from_str(row).map_err(|error| {
                    Exception::new(Kind::UnknownException, format_args!("the list of tables: {error}"))
                })?;
            live.insert(Place::of(&kind, &outer, &inner));
        }
    }
    Ok(live)
}
