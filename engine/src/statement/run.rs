//! One statement on its thread.

use std::io::Read;
use std::sync::Arc;

use super::answer::{Answer, Stuck, Writer};
use super::judge::{Judge, refused};
use super::perform::perform;
use super::prepare::prepare;
use super::running::{Entry, Registration, Running};
use super::sessions::Sessions;
use super::text::{Text, read_text};
use super::{Statement, User, kill};
use crate::chdb::{Counts, Engine};
use crate::exception::{Exception, Kind};
use crate::sql;
use crate::sql::judge::{Refusal, allows_format};

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
pub(super) enum Ending {
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

    pub(super) fn stuck(writer: Writer, reason: Stuck) -> Self {
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
    let is_cut = matches!(ending, Ending::Failed(..) | Ending::Abandoned);
    opened.close(statement, goes_elsewhere, is_cut);
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

pub(super) fn whole(data: &[u8], counts: Counts, mut writer: Writer) -> Ending {
    match writer.write(data, counts) {
        Ok(()) => Ending::Done(writer, Counts::default()),
        Err(reason) => Ending::stuck(writer, reason),
    }
}

pub(super) fn readonly() -> Exception {
    Exception::new(Kind::Readonly, "Cannot execute query in readonly mode")
}

pub(crate) fn cancelled() -> Exception {
    Exception::new(Kind::Aborted, "the statement was cancelled")
}
