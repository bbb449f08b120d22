//! One statement on its thread.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use super::answer::{Answer, Stuck, Writer};
use super::judge::{Judge, Judgement, refused};
use super::layout::Layout;
use super::running::{Entry, Phase, Registration, Running};
use super::sessions::{Sessions, Taken};
use super::text::{Text, read_text};
use super::{Statement, User};
use super::{failure, kill};
use crate::chdb::{Connection, Counts, Engine, Rows, is_not_streamable};
use crate::exception::{Exception, Kind};
use crate::native;
use crate::sql::judge::{FILTERS, Refusal, allows_format};
use crate::sql::{self, Effect};

/// Bytes of an insert's data handed to the engine at once.
const DATA_PIECE_BYTES: usize = 256 << 10;

/// What statements share.
pub(crate) struct Surroundings<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) judge: &'a Judge,
    pub(crate) sessions: &'a Arc<Sessions>,
    pub(crate) running: &'a Running,
}

/// Reads the statement's text, runs it, answers it.
pub(crate) fn run(
    around: &Surroundings<'_>,
    statement: &Statement,
    registration: Registration,
    body: &mut dyn Read,
    answer: Answer,
) {
    let entry = registration.entry();
    let ending = match read_text(&statement.sql, body) {
        Ok(text) => {
            entry.set_text(text.sql());
            run_text(around, text, statement, entry, body, answer)
        }
        Err(exception) => Ending::Refused(answer, exception),
    };
    let ending = if statement.user == User::Reader { ending.told_by(around.judge) } else { ending };
    // Only now may the client learn of the end: it may use the same session and query id at once.
    drop(registration);
    ending.deliver();
}

/// How a statement ended, not yet told to the client.
enum Ending {
    Done(Writer, Counts),
    Failed(Writer, Exception),
    /// Failed with nothing of an answer made.
    Refused(Answer, Exception),
    /// Nobody is there to be told.
    Abandoned,
}

impl Ending {
    fn deliver(self) {
        match self {
            Self::Done(writer, counts) => writer.finish(counts),
            Self::Failed(writer, exception) => writer.fail(exception),
            Self::Refused(answer, exception) => answer.fail(exception),
            Self::Abandoned => {}
        }
    }

    fn told_by(self, judge: &Judge) -> Self {
        match self {
            Self::Failed(writer, exception) => Self::Failed(writer, judge.told(exception)),
            Self::Refused(answer, exception) => Self::Refused(answer, judge.told(exception)),
            other => other,
        }
    }

    fn stuck(writer: Writer, reason: Stuck) -> Self {
        match reason {
            Stuck::ClientGone => Self::Abandoned,
            Stuck::Failed(exception) => Self::Failed(writer, exception),
        }
    }
}

fn run_text(
    around: &Surroundings<'_>,
    text: Text,
    statement: &Statement,
    entry: &Arc<Entry>,
    body: &mut dyn Read,
    mut answer: Answer,
) -> Ending {
    if statement.errors_in_format
        && let Some(format) = sql::answer_format(text.sql())
    {
        answer.is_in(format);
    }
    match kill::understand(text.sql(), &statement.parameters) {
        None => {}
        Some(_) if statement.read_only => return Ending::Refused(answer, readonly()),
        Some(order) => return kill(around, &order, statement, answer),
    }
    let (text, mut opened) = match prepare(around, statement, text) {
        Ok(prepared) => prepared,
        Err(exception) => return Ending::Refused(answer, exception),
    };
    let goes_elsewhere = statement.user == User::Full && sql::is_use(text.sql());
    let ending = perform(around.engine, text, &mut opened.connection, statement, entry, body, answer);
    opened.close(statement, goes_elsewhere);
    ending
}

/// Ends statements, and says which.
fn kill(around: &Surroundings<'_>, order: &kill::Order, statement: &Statement, answer: Answer) -> Ending {
    let format = order.format.as_ref().unwrap_or(&statement.default_format);
    if statement.user == User::Reader && !allows_format(format) {
        return Ending::Refused(answer, refused(&Refusal::Format(format.clone())));
    }
    let killed = kill::obey(around.running, order, statement.caller);
    let connected = around.engine.connect(&statement.settings);
    let parameters = [("killed".to_owned(), killed)];
    match connected.and_then(|mut connection| connection.query(kill::ANSWER, format, &parameters)) {
        Ok(result) => whole(result.bytes(), result.counts(), answer.begin(format.clone())),
        Err(exception) => Ending::Refused(answer, exception),
    }
}

fn whole(data: &[u8], counts: Counts, mut writer: Writer) -> Ending {
    match writer.write(data, counts) {
        Ok(()) => Ending::Done(writer, Counts::default()),
        Err(reason) => Ending::stuck(writer, reason),
    }
}

/// The connection to run on.
struct Opened {
    connection: Connection,
    /// Whether the session is the connection, or only its name.
    keeps_connection: bool,
    session: Option<Taken>,
    /// Where the session was before this request named a database for its statement.
    came_from: Option<String>,
}

impl Opened {
    /// Gives a session back as it was, without the tables that were the statement's own. `goes_elsewhere`: the statement itself changed the database.
    fn close(mut self, statement: &Statement, goes_elsewhere: bool) {
        let Some(taken) = self.session else { return };
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

fn prepare(
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

fn perform(
    engine: &Engine,
    text: Text,
    connection: &mut Connection,
    statement: &Statement,
    entry: &Entry,
    body: &mut dyn Read,
    answer: Answer,
) -> Ending {
    // Before the look at it: whoever cancels looks at the phase afterwards.
    entry.set_phase(match &text {
        Text::Insert { .. } => Phase::Inserting,
        Text::Statement(sql) => Phase::Executing(sql::effect(sql)),
    });
    if answer.is_abandoned() || entry.is_cancelled() {
        return Ending::Refused(answer, cancelled());
    }
    match text {
        Text::Insert { statement: head, format, first } => {
            match insert(connection, &head, &format, statement, &first, body) {
                Ok(counts) => Ending::Done(answer.begin(format), counts),
                Err(exception) => Ending::Refused(answer, failure::explained(exception, &format)),
            }
        }
        Text::Statement(sql) if statement.user == User::Full && sql::changes_descriptions(&sql) => {
            if let Err(exception) = engine.descriptions().expect_change() {
                return Ending::Refused(answer, exception);
            }
            let ending = select(connection, &sql, statement, entry, answer);
            engine.descriptions().record(engine);
            ending
        }
        Text::Statement(sql) => select(connection, &sql, statement, entry, answer),
    }
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

fn insert(
    connection: &mut Connection,
    head: &str,
    format: &str,
    statement: &Statement,
    first: &[u8],
    body: &mut dyn Read,
) -> Result<Counts, Exception> {
    let mut insert = connection.insert(head, format, &statement.parameters)?;
    let mut accepted = first.is_empty() || insert.append(first);
    let mut piece = vec![0; DATA_PIECE_BYTES];
    while accepted {
        // An error here drops `insert`, which cancels it: cut data is never committed.
        let length = body.read(&mut piece)?;
        if length == 0 {
            break;
        }
        accepted = insert.append(&piece[..length]);
    }
    insert.commit()
}

/// Runs a statement that answers.
fn select(
    connection: &mut Connection,
    sql: &str,
    statement: &Statement,
    entry: &Entry,
    answer: Answer,
) -> Ending {
    let named = sql::answer_format(sql);
    let format = named.unwrap_or(&statement.default_format).to_owned();
    let layout = if is_array_of_rows(sql, statement) { Layout::Document } else { Layout::of(&format) };
    if layout == Layout::Document {
        return execute(connection, sql, statement, format, answer);
    }
    let refusal = match connection.stream(sql, &statement.default_format, &statement.parameters) {
        Ok(rows) => return send(rows, layout, protocol(&format, statement), entry, answer.begin(format)),
        Err(exception) => exception,
    };
    if is_not_streamable(&refusal) {
        execute(connection, sql, statement, format, answer)
    } else {
        Ending::Refused(answer, refusal)
    }
}

/// Whether a setting makes one JSON array of the formats that otherwise are a row a line.
fn is_array_of_rows(sql: &str, statement: &Statement) -> bool {
    const SETTING: &str = "output_format_json_array_of_rows";
    sql.contains(SETTING) || statement.settings.iter().any(|(name, _)| name == SETTING)
}

/// The revision that blocks have to be written again for, if there is one.
fn protocol(format: &str, statement: &Statement) -> Option<u64> {
    (statement.protocol > 0 && format.eq_ignore_ascii_case("Native")).then_some(statement.protocol)
}

fn send(
    mut rows: Rows<'_>,
    layout: Layout,
    protocol: Option<u64>,
    entry: &Entry,
    mut writer: Writer,
) -> Ending {
    let mut header = None;
    loop {
        if entry.is_cancelled() {
            return Ending::Failed(writer, cancelled());
        }
        let block = match rows.next() {
            Ok(Some(block)) => block,
            Ok(None) => return Ending::Done(writer, Counts::default()),
            Err(exception) => return Ending::Failed(writer, exception),
        };
        let data = match understood(block.bytes(), protocol) {
            Ok(data) => data,
            Err(exception) => return Ending::Failed(writer, exception),
        };
        let data = without_repeated_header(&data, layout, &mut header);
        if let Err(reason) = writer.write(data, block.counts()) {
            return Ending::stuck(writer, reason);
        }
    }
}

/// A block as the client reads it.
fn understood(block: &[u8], protocol: Option<u64>) -> Result<Cow<'_, [u8]>, Exception> {
    match protocol {
        Some(revision) => native::for_revision(block, revision).map(Cow::Owned),
        None => Ok(Cow::Borrowed(block)),
    }
}

/// Leaves the first block as it is and cuts its header off the later ones.
fn without_repeated_header<'block>(
    block: &'block [u8],
    layout: Layout,
    header: &mut Option<Vec<u8>>,
) -> &'block [u8] {
    match header {
        Some(header) => block.strip_prefix(header.as_slice()).unwrap_or(block),
        None => {
            let length = layout.header_length(block).unwrap_or(0);
            *header = Some(block[..length].to_vec());
            block
        }
    }
}

/// Everything that libchdb does not stream: DDL, INSERT … SELECT, SHOW and the like, whose answers are
/// small, and answers that are one document.
fn execute(
    connection: &mut Connection,
    sql: &str,
    statement: &Statement,
    format: String,
    answer: Answer,
) -> Ending {
    match connection.query(sql, &statement.default_format, &statement.parameters) {
        Ok(result) => {
            let data = match understood(result.bytes(), protocol(&format, statement)) {
                Ok(data) => data,
                Err(exception) => return Ending::Refused(answer, exception),
            };
            whole(&data, result.counts(), answer.begin(format))
        }
        Err(exception) => Ending::Refused(answer, failure::explained(exception, &format)),
    }
}

fn readonly() -> Exception {
    Exception::new(Kind::Readonly, "Cannot execute query in readonly mode")
}

pub(crate) fn cancelled() -> Exception {
    Exception::new(Kind::Aborted, "the statement was cancelled")
}
