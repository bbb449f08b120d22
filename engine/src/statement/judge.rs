//! Asks ClickHouse how it understood a reader's statement, and lets pass what only reads.

use std::sync::{Mutex, PoisonError};

use super::Statement;
use crate::Options;
use crate::chdb::{Connection, Engine};
use crate::exception::{Exception, Kind};
use crate::sandbox::Sandbox;
use crate::sql::judge::{self, Judged, Limits, Refusal};

/// Connections kept for the next statement; opening one costs as much as judging.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// Longest time that ClickHouse may take for one step, seconds. Parsing has limits of its own, which end it earlier.
const STEP_SECONDS: u64 = 5;

/// Most memory that one step may use, bytes. The tree of the largest statement that may run takes a tenth.
const STEP_MEMORY_BYTES: u64 = 256 << 20;

/// What judges the statements of readers. Its connections have no settings of the caller: a `limit` of his would cut the tree.
#[derive(Debug)]
pub(crate) struct Judge {
    limits: Vec<(&'static str, u64)>,
    settings: Vec<(String, String)>,
    idle: Mutex<Vec<Connection>>,
    /// Without one, table functions are refused whatever they are.
    sandbox: Sandbox,
}

impl Judge {
    pub(crate) fn new(options: &Options, sandbox: Sandbox) -> Self {
        let own =
            [("readonly", 2), ("max_execution_time", STEP_SECONDS), ("max_memory_usage", STEP_MEMORY_BYTES)];
        let settings = own.into_iter().chain(judge::PARSER_LIMITS);
        Self {
            limits: limits(options),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
            idle: Mutex::default(),
            sandbox,
        }
    }

    /// The text to run instead of `sql`, if that only reads.
    pub(crate) fn judge(
        &self,
        engine: &Engine,
        sql: &str,
        statement: &Statement,
    ) -> Result<Judged, Exception> {
        // Unqualified names would be tables of the system that a qualified name cannot reach.
        if statement.database.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("system")) {
            return Err(refused(&Refusal::SystemTable("of the database `system` by `database=`".to_owned())));
        }
        if sql.trim_end() == judge::FORMAT {
            return Judged::of_format(&statement.parameters).map_err(|refusal| refused(&refusal));
        }
        judge::scan(sql).map_err(|refusal| refused(&refusal))?;
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => engine.connect(&self.settings)?,
        };
        let bounds = self.bounds(statement);
        let judged = judge_whole(&mut connection, sql, &statement.parameters, &bounds, self.sandbox)?;
        // After a failure it is not known what the connection still holds, so only a good one is kept.
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE_CONNECTIONS {
            idle.push(connection);
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

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connections.
    pub(crate) fn clear(&self) {
        self.idle().clear();
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

fn judge_whole(
    connection: &mut Connection,
    sql: &str,
    parameters: &[(String, String)],
    limits: &Limits<'_>,
    sandbox: Sandbox,
) -> Result<Judged, Exception> {
    let judged = judge_one(connection, sql, parameters, limits, sandbox)?;
    for filter in judged.filters() {
        if judge_one(connection, &filter, &[], limits, sandbox)?.sets() {
            return Err(refused(&Refusal::Setting("in a condition".to_owned())));
        }
    }
    Ok(judged)
}

fn judge_one(
    connection: &mut Connection,
    sql: &str,
    parameters: &[(String, String)],
    limits: &Limits<'_>,
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
    judge::check_tree(&tree).map_err(|refusal| refused(&refusal))?;
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
        Refusal::Format(_) | Refusal::Identifier(_) | Refusal::Bytes | Refusal::Heredocs => {
            Kind::BadArguments
        }
        _ => Kind::AccessDenied,
    };
    Exception::new(kind, format_args!("reader: {refusal}"))
}
