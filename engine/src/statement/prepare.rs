//! What a statement runs on: its text as it may run, and a connection, its own or its session's.

use super::judge::{Judge, Judgement, refused};
use super::run::{Surroundings, readonly};
use super::sessions::Taken;
use super::text::Text;
use super::{Statement, User};
use crate::chdb::Connection;
use crate::exception::Exception;
use crate::sql::judge::{FILTERS, Refusal, allows_format};
use crate::sql::{self, Effect};

/// The connection to run on.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Whether the session is the connection, or only its name.
    keeps_connection: bool,
    session: Option<Taken>,
    /// Where the session was before this request named a database for its statement.
    came_from: Option<String>,
}

impl Opened {
    /// Gives a session back as it was, without the tables that were the statement's own. `goes_elsewhere`: the statement itself
    /// changed the database. `is_cut`: the statement's rows were not read to their end.
    pub(super) fn close(mut self, statement: &Statement, goes_elsewhere: bool, is_cut: bool) {
        let Some(taken) = self.session else { return };
        if self.keeps_connection && is_cut && self.connection.leave_stream().is_err() {
            return;
        }
        if self.keeps_connection
            && let Err(exception) =
                statement.external.iter().try_for_each(|table| table.drop_from(&mut self.connection))
        {
            tracing::warn!(%exception, "a session ends, because its external tables stay");
            return;
        }
        if let Some(database) = self.came_from
            && !goes_elsewhere
            && self.connection.use_database(&database).is_err()
        {
            // It was dropped: a session that is nowhere is of no use.
            return;
        }
        taken.give_back(self.keeps_connection.then_some(self.connection));
    }
}

/// Checks a statement and opens what it runs on.
pub(super) fn prepare(
    around: &Surroundings<'_>,
    statement: &Statement,
    text: Text,
) -> Result<(Text, Opened), Exception> {
    if statement.user == User::Reader {
        let take = |request| around.sessions.take(statement.caller, request).map(|(_, taken)| taken);
        let session = statement.session.as_ref().map(take).transpose()?;
        let (text, connection) = prepare_reader(around, statement, &text)?;
        return Ok((text, Opened { connection, keeps_connection: false, session, came_from: None }));
    }
    check(&text, statement)?;
    Ok((text, open(around, statement)?))
}

fn check(text: &Text, statement: &Statement) -> Result<(), Exception> {
    let (sql, effect) = match text {
        Text::Statement(sql) => {
            sql::refuse_several(sql)?;
            (sql, sql::effect(sql))
        }
        Text::Insert { statement, .. } => (statement, Effect::Writes),
    };
    // The setting `readonly` lets KILL QUERY and USE through, and is not set in a session, which would keep
    // it for good.
    if statement.read_only && effect == Effect::Writes {
        return Err(readonly());
    }
    sql::refuse_files(sql)
}

/// A reader's statement as ClickHouse understood it, and a fresh connection for it: a reader's session has nothing to keep.
fn prepare_reader(
    around: &Surroundings<'_>,
    statement: &Statement,
    text: &Text,
) -> Result<(Text, Connection), Exception> {
    let sql = match text {
        Text::Statement(sql) => sql,
        Text::Insert { .. } => {
            return Err(readonly());
        }
    };
    if !allows_format(&statement.default_format) {
        return Err(refused(&Refusal::Format(statement.default_format.clone())));
    }
    let Judgement { judged, filters } = around.judge.judge(around.engine, sql, statement)?;
    let mut settings = statement.settings.clone();
    settings.retain(|(name, _)| name != "readonly" && name != FILTERS);
    let readonly = [("readonly".to_owned(), judged.readonly().to_string())];
    let filters = filters.map(|value| (FILTERS.to_owned(), value));
    let mut connection = if statement.external.is_empty() {
        settings.extend(filters.into_iter().chain(readonly));
        around.engine.connect(&settings)?
    } else {
        // Nothing of the caller's runs before the session is bound.
        let mut connection = around.engine.connect(&settings)?;
        statement.external.iter().try_for_each(|table| table.load(&mut connection))?;
        connection.set(&filters.into_iter().chain(readonly).collect::<Vec<_>>())?;
        connection
    };
    use_readers_database(&mut connection, around.judge, statement.database.as_deref())?;
    Ok((Text::Statement(judged.sql().to_owned()), connection))
}

/// Makes a reader's names belong to the database that he names, or to the usual one.
///
/// That one is not there before its owner has made it. Until then there is nothing to read, but a statement without names has an answer.
fn use_readers_database(
    connection: &mut Connection,
    judge: &Judge,
    asked: Option<&str>,
) -> Result<(), Exception> {
    let Some(database) = judge.database(asked) else { return Ok(()) };
    match connection.use_database(database) {
        Err(exception) if asked.is_none() && exception.code() == UNKNOWN_DATABASE => {
            connection.use_database("information_schema")
        }
        other => other,
    }
}

/// ClickHouse's code for a database that is not there.
const UNKNOWN_DATABASE: u32 = 81;

/// A fresh connection, or the session's.
fn open(around: &Surroundings<'_>, statement: &Statement) -> Result<Opened, Exception> {
    let engine = around.engine;
    let (mut connection, session) = match &statement.session {
        Some(request) => match around.sessions.take(statement.caller, request)? {
            (Some(mut connection), taken) => {
                connection.set(&statement.settings)?;
                (connection, Some(taken))
            }
            (None, taken) => (engine.connect(&statement.settings)?, Some(taken)),
        },
        None => (engine.connect(&statement.settings)?, None),
    };
    statement.external.iter().try_for_each(|table| table.load(&mut connection))?;
    let mut came_from = None;
    if let Some(database) = &statement.database {
        if session.is_some() {
            came_from = Some(connection.query("SELECT currentDatabase()", "TabSeparatedRaw", &[])?.text());
        }
        connection.use_database(database)?;
    }
    Ok(Opened { connection, keeps_connection: true, session, came_from })
}
