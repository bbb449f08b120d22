//! Running a statement on its connection: data in, rows out.

use std::borrow::Cow;
use std::io::Read;

use super::answer::{Answer, Writer};
use super::failure;
use super::layout::Layout;
use super::run::{Ending, cancelled, whole};
use super::running::{Entry, Phase};
use super::text::Text;
use super::{Statement, User};
use crate::chdb::{Connection, Counts, Engine, Rows, is_not_streamable};
use crate::exception::Exception;
use crate::native;
use crate::sql;

/// Bytes of an insert's data handed to the engine at once.
const DATA_PIECE_BYTES: usize = 256 << 10;

/// Runs it, unless it was cancelled meanwhile.
pub(super) fn perform(
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
