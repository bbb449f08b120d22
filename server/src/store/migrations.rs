//! Bringing a database to the schema of this program.
//!
//! ```text
//! create the database ─→ schema_migrations ─→ each migration not recorded there ─→ each view whose text changed
//! ```
//! A migration is a file of `migrations/`, never edited once it was released: its checksum is recorded with its name.
//! It is recorded after its last statement, and each of its statements bears to run again, so a run that was cut off
//! is simply repeated. Views hold no data and are replaced whenever their text changes. `migrations/first/` has the tables as a
//! new database gets them, one file each; a later change of a table is a file of its own beside that folder.
//!
//! What a statement looks like depends on the server it is for in one place only: [`expand`].

use super::derived::DERIVED;
use super::schema::Part;
use super::{Store, StoreError, limits};
use crate::event::columns::{COLUMNS, ID_SQL};
use clickhouse::Row;
use clickhouse::error::Result;
use clickhouse::sql::Identifier;
use md5::{Digest, Md5};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

struct File {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File { name: $path, text: include_str!(concat!("../../migrations/", $path, ".sql")) }),*]
    };
}

/// In the order in which they are applied.
const MIGRATIONS: &[File] = files![
    "first/event_store",
    "first/issue_store",
    "first/issue_hour_store",
    "first/issue_transitions",
    "first/request_minute_store",
    "first/call_minute_store",
    "first/performance_minute_store",
    "first/event_count_store",
    "first/request_time_store",
    "0001_target",
];

/// The first migration of the builds before the first release. Their tables cannot be taken over.
const UNRELEASED: &str = "0001_event_store";

/// What `{durable}` stands for in the settings of every table.
///
/// A part is synced before its insert is answered, because the spool forgets the rows then. What a merge wrote is synced
/// before the parts that it replaces may go. Those are kept for `old_parts_lifetime` seconds more: the server looks each second
/// whether the merged part is whole, and a ClickHouse that starts looks before it removes anything. What is kept makes each
/// start slower, so it is removed soon then: ClickHouse would first look for it after 30 seconds.
const DURABLE: &str = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, \
    old_parts_lifetime = 15, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, \
    cleanup_delay_period = 2, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0";

const VIEWS: &[File] = files![
    "views/events",
    "views/issues",
    "views/issue_changes",
    "views/errors",
    "views/requests",
    "views/calls",
    "views/performance",
    "views/biz_events",
    "views/event_counts",
    "views/requests_by_minute",
    "views/calls_by_minute",
    "views/performance_by_minute",
];

/// How a view is told from a migration in `schema_migrations`.
pub(super) const VIEW_PREFIX: &str = "views/";

/// How the line begins that names what a statement makes.
const CREATES: [&str; 3] =
    ["CREATE TABLE IF NOT EXISTS ", "CREATE MATERIALIZED VIEW IF NOT EXISTS ", "CREATE OR REPLACE VIEW "];

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String COMMENT 'File of a migration or view',
    checksum String COMMENT 'Of its text',
    applied_at DateTime64(3, 'UTC') COMMENT 'When'
)
ENGINE = {engine:ReplacingMergeTree}(applied_at)
ORDER BY name";

/// What a run of [`Store::migrate`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The migrations that were new to the database, in order.
    pub migrations: Vec<&'static str>,
    /// The views that were new or have changed.
    pub views: Vec<&'static str>,
}

#[derive(Row, Deserialize)]
struct Record {
    name: String,
    checksum: String,
}

impl Store {
    /// Creates the database if it is missing and brings it to the schema of this program. Does nothing to a database
    /// that is there already; can be run again after it was cut off, and by several programs at once.
    ///
    /// # Errors
    /// ClickHouse refused a statement, is away or too old; a migration was changed after it was applied; the database belongs to
    /// a newer program.
    pub async fn migrate(&self) -> Result<Applied, StoreError> {
        let version: String = named("version", self.server.query("SELECT version()").fetch_one().await)?;
        if is_too_old(&version) {
            return Err(StoreError::OldServer { version });
        }
        let create = self.server.query("CREATE DATABASE IF NOT EXISTS ?").bind(Identifier(self.database()));
        named("create database", create.execute().await)?;
        self.run("schema_migrations", &expand(RECORDS)).await?;
        let known = self.recorded().await?;
        check(&known)?;
        let mut applied = Applied::default();
        for file in MIGRATIONS.iter().filter(|file| !known.contains_key(file.name)) {
            self.apply(file).await?;
            applied.migrations.push(file.name);
        }
        for file in VIEWS.iter().filter(|file| known.get(file.name) != Some(&file.checksum())) {
            self.apply(file).await?;
            applied.views.push(file.name);
        }
        Ok(applied)
    }

    /// Creates what is missing of a schema that was there before, whatever the database says that it has seen. What exists
    /// is left as it is.
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate).
    pub async fn migrate_again(&self) -> Result<(), StoreError> {
        let _nobody_inserts = self.whole_schema.write().await;
        self.migrate().await?;
        for file in MIGRATIONS.iter().chain(VIEWS) {
            self.apply(file).await?;
        }
        *self.counted_from.lock().await = None;
        Ok(())
    }

    /// The tables and views of the database, with the rows of those for which ClickHouse knows their number. Empty if there
    /// is no such database.
    ///
    /// # Errors
    /// ClickHouse is away or refuses.
    pub async fn tables(&self) -> Result<BTreeMap<String, Option<u64>>, StoreError> {
        let query = self
            .server
            .query("SELECT name, total_rows FROM system.tables WHERE database = {database:String}")
            .param("database", self.database());
        let answer =
            tokio::time::timeout(limits::READ_TIMEOUT, query.fetch_all::<(String, Option<u64>)>()).await;
        let timed_out = |_| StoreError::TimedOut { statement: "tables".to_owned() };
        Ok(named("tables", answer.map_err(timed_out)?)?.into_iter().collect())
    }

    /// Name and checksum of all that the database has seen.
    async fn recorded(&self) -> Result<HashMap<String, String>, StoreError> {
        let query = self.client().query(
            "SELECT name, argMax(m.checksum, m.applied_at) AS checksum FROM schema_migrations AS m GROUP BY name",
        );
        let records: Vec<Record> = named("schema_migrations", query.fetch_all().await)?;
        Ok(records.into_iter().map(|record| (record.name, record.checksum)).collect())
    }

    async fn apply(&self, file: &File) -> Result<(), StoreError> {
        for (index, statement) in statements(&file.expanded()).into_iter().enumerate() {
            self.run(&format!("migration {}, statement {}", file.name, index + 1), statement).await?;
        }
        let record = self
            .client()
            .query("INSERT INTO schema_migrations SELECT {name:String}, {checksum:String}, now64(3, 'UTC')")
            .param("name", file.name)
            .param("checksum", file.checksum());
        named(&format!("migration {}, its record", file.name), record.execute().await)
    }

    async fn run(&self, name: &str, statement: &str) -> Result<(), StoreError> {
        named(name, self.client().query_raw(statement).execute().await)
    }
}

/// What a fresh database is given, in order.
pub(super) fn parts() -> Vec<Part> {
    let of_file = |file: &File| {
        let text = file.expanded();
        Part { name: file.name, statements: statements(&text).into_iter().map(str::to_owned).collect() }
    };
    let records = Part { name: "schema_migrations", statements: vec![expand(RECORDS)] };
    std::iter::once(records).chain(MIGRATIONS.iter().chain(VIEWS).map(of_file)).collect()
}

/// The names of all tables and views that these make.
pub(super) fn names() -> BTreeSet<String> {
    let statements: Vec<_> = parts().into_iter().flat_map(|part| part.statements).collect();
    let made = statements.iter().flat_map(|statement| statement.lines()).filter_map(|line| {
        let rest = CREATES.iter().find_map(|create| line.strip_prefix(create))?;
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().map(str::to_owned)
    });
    made.collect()
}

impl File {
    fn expanded(&self) -> String {
        expand(&self.own())
    }

    /// With all that is this program's own: settings, selects of the derived tables, columns of the views.
    fn own(&self) -> String {
        let text = match self.name.strip_prefix(VIEW_PREFIX) {
            Some(view) => expand_columns(view, self.text),
            None => self.text.replace("{durable}", DURABLE),
        };
        DERIVED.iter().fold(text, |text, derived| {
            text.replace(&format!("{{select:{}}}", derived.table), &derived.select_from("event_store"))
        })
    }

    /// Without the engines, which may differ from one server to the next. What a materialized view selects and the settings
    /// of a table are part of it, since neither is replaced.
    fn checksum(&self) -> String {
        // MD5, as everywhere in this program; nobody has a reason to forge it here.
        hex_md5(&self.own())
    }
}

/// Fills in the engines of the tables.
fn expand(text: &str) -> String {
    let engines = ["MergeTree", "AggregatingMergeTree", "ReplacingMergeTree"];
    engines.iter().fold(text.to_owned(), |text, engine| text.replace(&format!("{{engine:{engine}}}"), engine))
}

/// Fills in what the table of fields says of a view: the `{columns}` that it has, each behind a comma, what it would
/// `{select}` for them, and the `{event.id}`. The view `events` has all columns.
fn expand_columns(view: &str, text: &str) -> String {
    let (mut columns, mut select) = (String::new(), String::new());
    for column in COLUMNS.iter().filter(|column| view == "events" || column.views.contains(&view)) {
        let (name, value) = (column.name, (column.in_view)(column.name));
        let comment = column.comment.replace('\'', "''");
        columns.push_str(&format!(",\n    {name} {} COMMENT '{comment}'", column.view_type));
        select.push_str(&if value == name {
            format!(", {name}")
        } else {
            format!(",\n    {value} AS {name}")
        });
    }
    text.replace("{columns}", &columns).replace("{select}", &select).replace("{event.id}", ID_SQL)
}

/// The statements of a file. Each ends with `;` at the end of a line.
fn statements(text: &str) -> Vec<&str> {
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

/// Whether this program may touch a database that has seen these.
fn check(known: &HashMap<String, String>) -> Result<(), StoreError> {
    if known.contains_key(UNRELEASED) {
        return Err(StoreError::UnreleasedDatabase { name: UNRELEASED.to_owned() });
    }
    for (name, checksum) in known {
        if name.starts_with(VIEW_PREFIX) {
            continue;
        }
        let Some(file) = MIGRATIONS.iter().find(|file| file.name == name) else {
            return Err(StoreError::NewerDatabase { name: name.clone() });
        };
        if *checksum != file.checksum() {
            return Err(StoreError::ChangedMigration { name: name.clone() });
        }
    }
    Ok(())
}

/// A version that does not begin with two numbers is somebody's own build, who knows better.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    numbers.next().zip(numbers.next()).is_some_and(|version| version < limits::OLDEST_SERVER)
}

fn named<T>(statement: &str, outcome: Result<T>) -> Result<T, StoreError> {
    outcome.map_err(|source| StoreError::Query { statement: statement.to_owned(), source })
}

fn hex_md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, VIEWS, is_too_old, names};

    #[test]
    fn names_what_the_migrations_make() {
        let names = names();
        for name in ["schema_migrations", "event_store", "issue_store_mv", "requests_by_minute"] {
            assert!(names.contains(name), "{name} is not in {names:?}");
        }
        let created: usize =
            MIGRATIONS.iter().chain(VIEWS).map(|file| file.text.matches("CREATE ").count()).sum();
        assert_eq!(names.len(), created + 1, "{names:?}");
    }

    #[test]
    fn tells_an_old_clickhouse() {
        for (version, expected) in [
            ("24.8.14.39", true),
            ("25.11.2.1", true),
            ("25.12.1.1", false),
            ("26.1.3.52", false),
            ("26.7.2.1", false),
            ("head", false),
            ("", false),
        ] {
            assert_eq!(is_too_old(version), expected, "{version}");
        }
    }
}
