//! Asks ClickHouse how it understood a reader's statement, and lets pass what only reads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Statement;
use super::cache::{Cache, Key};
use crate::Options;
use crate::chdb::{Connection, Engine};
use crate::exception::{Exception, Kind};
use crate::sandbox::Sandbox;
use crate::sql::judge::{self, Databases, Filter, Judged, Limits, Refusal};

/// Connections kept for the next statement; opening one costs as much as judging.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// Longest time that ClickHouse may take for one step, seconds. Parsing has limits of its own, which end it earlier.
const STEP_SECONDS: u64 = 5;

/// Most memory that one step may use, bytes. The tree of the largest statement that may run takes a tenth.
const STEP_MEMORY_BYTES: u64 = 256 << 20;

/// ClickHouse's codes for a table and a database that are not there.
const UNKNOWN: [u32; 2] = [60, 81];

/// What judges the statements of readers. Its connections have no settings of the caller: a `limit` of his would cut the tree.
#[derive(Debug)]
pub(crate) struct Judge {
    limits: Vec<(&'static str, u64)>,
    databases: Databases,
    settings: Vec<(String, String)>,
    idle: Mutex<Vec<Connection>>,
    cache: Mutex<Cache>,
    /// Without one, table functions are refused whatever they are.
    sandbox: Sandbox,
}

/// What a reader's statement runs as.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) judged: Judged,
    /// The value of [`judge::FILTERS`], if there are conditions.
    pub(crate) filters: Option<String>,
}

impl Judge {
    pub(crate) fn new(options: &Options, sandbox: Sandbox) -> Self {
        let own =
            [("readonly", 2), ("max_execution_time", STEP_SECONDS), ("max_memory_usage", STEP_MEMORY_BYTES)];
        let settings = own.into_iter().chain(judge::PARSER_LIMITS);
        Self {
            limits: limits(options),
            databases: Databases::new(options.reader_databases.clone()),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
            idle: Mutex::default(),
            cache: Mutex::default(),
            sandbox,
        }
    }

    /// The database that the names of a reader belong to.
    pub(crate) fn database<'a>(&'a self, asked: Option<&'a str>) -> Option<&'a str> {
        asked.or(self.databases.usual())
    }

    /// What a reader may be told of a failure.
    pub(crate) fn told(&self, exception: Exception) -> Exception {
        if UNKNOWN.contains(&exception.code()) && self.databases.usual().is_some() {
            exception.without_guess()
        } else {
            exception
        }
    }

    /// The text to run instead of `sql`, if that only reads.
    pub(crate) fn judge(
        &self,
        engine: &Engine,
        sql: &str,
        statement: &Statement,
    ) -> Result<Judgement, Exception> {
        // Unqualified names would be tables of the system that a qualified name cannot reach.
        if statement.database.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("system")) {
            return Err(refused(&Refusal::SystemTable("of the database `system` by `database=`".to_owned())));
        }
        if let Some(name) = statement.database.as_deref().filter(|name| !self.databases.allows(name)) {
            return Err(refused(&Refusal::Database(name.to_owned())));
        }
        if sql.trim_end() == judge::FORMAT {
            let judged = Judged::of_format(&statement.parameters).map_err(|refusal| refused(&refusal))?;
            return Ok(Judgement { judged, filters: None });
        }
        judge::scan(sql).map_err(|refusal| refused(&refusal))?;
        let asked = statement.settings.iter().rev().find(|(name, _)| name == judge::FILTERS);
        let bounds = self.bounds(statement);
        let judged = self.judge_cached(engine, sql, &statement.parameters, &bounds)?;
        let mut filters = self.databases.filters();
        let mut others = judged.filters().to_vec();
        if let Some((_, value)) = asked {
            let mut asked = judge::read_filters(value).map_err(|refusal| refused(&refusal))?;
            // A server that asks for people hides the same databases in the same way.
            asked.retain(|filter| !filters.contains(filter));
            filters.extend_from_slice(&asked);
            others.extend(asked);
        }
        for other in &others {
            self.judge_filter(engine, other, &bounds)?;
        }
        // A SETTINGS clause takes the place of the conditions that hide databases, and a caller's condition could do so by an alias.
        let about_system = |name: &str| name.eq_ignore_ascii_case("information_schema");
        let names_system = judged.names_system() || statement.database.as_deref().is_some_and(about_system);
        let hides = self.databases.usual().is_some();
        if hides && ((names_system && !others.is_empty()) || others.iter().any(Filter::is_on_system)) {
            return Err(refused(&Refusal::Filters));
        }
        let filters = (!filters.is_empty()).then(|| judge::write_filters(&filters));
        Ok(Judgement { judged, filters })
    }

    /// A condition is part of every statement that reads its table.
    fn judge_filter(&self, engine: &Engine, filter: &Filter, limits: &Limits<'_>) -> Result<(), Exception> {
        let condition = filter.statement();
        judge::scan(&condition).map_err(|refusal| refused(&refusal))?;
        let judged = self.judge_cached(engine, &condition, &[], limits)?;
        if judged.sets() {
            return Err(refused(&Refusal::Setting("in a condition".to_owned())));
        }
        if judged.names_system() {
            return Err(refused(&Refusal::Filters));
        }
        Ok(())
    }

    fn judge_cached(
        &self,
        engine: &Engine,
        sql: &str,
        parameters: &[(String, String)],
        limits: &Limits<'_>,
    ) -> Result<Judged, Exception> {
        let key = Key::new(sql, parameters, limits);
        let known = key.as_ref().and_then(|key| lock(&self.cache).get(key));
        if let Some(judged) = known {
            return Ok(judged);
        }
        let idle = lock(&self.idle).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => engine.connect(&self.settings)?,
        };
        let judged = judge_one(&mut connection, sql, parameters, limits, &self.databases, self.sandbox)?;
        // After a failure it is not known what the connection still holds, so only a good one is kept.
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE_CONNECTIONS {
            idle.push(connection);
        }
        drop(idle);
        if let Some(key) = key {
            lock(&self.cache).insert(key, judged.clone());
        }
        Ok(judged)
    }

    /// The limits as this statement has them: its caller may have lowered them.
    fn bounds(&self, statement: &Statement) -> Vec<(&'static str, u64)> {
        let value =
            |name: &str| statement.settings.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value);
        let bound = |(name, limit): &(&'static str, u64)| {
            // A fraction of a second is none that a clause could name.
            (*name, value(name).and_then(|value| value.parse().ok()).unwrap_or(*limit))
        };
        self.limits.iter().map(bound).collect()
    }

    /// Closes the connections.
    pub(crate) fn clear(&self) {
        lock(&self.idle).clear();
    }
}

/// The settings that a reader can lower, with their values.
pub(super) fn limits(options: &Options) -> Vec<(&'static str, u64)> {
    let own = [
        ("max_execution_time", options.reader_max_execution_seconds),
        ("max_memory_usage", options.reader_max_memory_bytes),
        ("max_result_rows", options.reader_max_result_rows),
        ("max_result_bytes", options.reader_max_result_bytes),
    ];
    own.into_iter().chain(judge::PARSER_LIMITS).collect()
}

fn judge_one(
    connection: &mut Connection,
    sql: &str,
    parameters: &[(String, String)],
    limits: &Limits<'_>,
    databases: &Databases,
    sandbox: Sandbox,
) -> Result<Judged, Exception> {
    let statement = [("statement".to_owned(), judge::as_parameter(sql))];
    let canonical = connection
        .query(judge::FORMAT, "RawBLOB", &statement)
        .map_err(|exception| Exception::from_engine(&judge::syntax_error(exception.text())))?;
    let canonical = std::str::from_utf8(canonical.bytes()).map_err(|_| refused(&Refusal::Bytes))?;
    let judged = Judged::read(canonical, parameters, limits).map_err(|refusal| refused(&refusal))?;
    let tree = connection.query(&judged.explain(), judge::TREE_FORMAT, parameters)?;
    let tree = tree.text();
    judged.check_tree(&tree, databases).map_err(|refusal| refused(&refusal))?;
    if sandbox == Sandbox::None {
        judge::refuse_table_functions(&tree).map_err(|refusal| refused(&refusal))?;
    }
    Ok(judged)
}

/// A refusal in ClickHouse's words.
pub(super) fn refused(refusal: &Refusal) -> Exception {
    let kind = match refusal {
        Refusal::Empty | Refusal::Several => Kind::SyntaxError,
        Refusal::Writes(_) | Refusal::Setting(_) | Refusal::SettingValue(_) => Kind::Readonly,
        Refusal::UnknownFunction(_) => Kind::UnknownFunction,
        Refusal::FileClause => Kind::IntoOutfileNotAllowed,
        Refusal::Format(_)
        | Refusal::Identifier(_)
        | Refusal::Columns(_)
        | Refusal::Bytes
        | Refusal::Expansion
        | Refusal::Heredocs => Kind::BadArguments,
        _ => Kind::AccessDenied,
    };
    Exception::new(kind, format_args!("reader: {refusal}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
