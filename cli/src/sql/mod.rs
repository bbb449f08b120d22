//! `log-center sql`: a question in SQL.

mod shown;
mod table;

use super::Ending;
use super::client::{CallError, Client, ServerArgs, unreadable};
use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use shown::Shown;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Duration;
use table::Answer;

/// What to ask, and the form of the answer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One statement that reads; the views events, issues, errors, requests, calls, performance and biz_events are described by \
`log-center schema --views`. The server bounds its time, memory and rows.

  log-center sql 'SELECT project, count() FROM errors WHERE time > now() - INTERVAL 1 DAY GROUP BY project'
  log-center sql --param p=shop 'SELECT count() FROM events WHERE project = {p:String}'
  log-center sql --param 'v=\\N' 'SELECT {v:Nullable(UInt64)} IS NULL'
  log-center sql --file report.sql --format parquet > report.parquet")]
pub struct SqlArgs {
    /// The statement; standard input, if absent or -.
    #[arg(value_name = "QUERY", conflicts_with = "file")]
    query: Option<String>,

    /// Read the statement from a file.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// A value for {name:Type} in the statement; may be given several times. \N is NULL, as ClickHouse writes it.
    #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, Option<String>)>,

    /// The form of the answer. Default: table on a terminal, csv elsewhere.
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,

    /// How many rows at most. Default: what the server thinks right.
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,

    /// How long the statement may run, in seconds. Default: what the server thinks right.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,

    #[command(flatten)]
    server: ServerArgs,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// The server's own answer: columns and rows.
    Json,
    /// With the names in the first line.
    Csv,
    /// A file for other programs.
    Parquet,
    /// A stream of Arrow's record batches.
    Arrow,
}

impl Format {
    /// What the server is asked for.
    fn asked(self) -> &'static str {
        match self {
            Format::Table | Format::Json => "json",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }
}

#[derive(Serialize)]
struct Question<'a> {
    query: &'a str,
    parameters: BTreeMap<&'a str, Option<&'a str>>,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u64>,
}

/// How long the server may be silent, beyond what the statement itself may take.
const SILENCE: Duration = Duration::from_secs(70);

/// How much of an answer is passed on at once, in bytes.
const COPY_BYTES: usize = 64 << 10;

/// NULL as the value of a parameter, as in ClickHouse's own client.
const NULL: &str = "\\N";

fn parameter(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = text.split_once('=').ok_or("it must read NAME=VALUE")?;
    Ok((name.to_owned(), (value != NULL).then(|| value.to_owned())))
}

pub(super) fn run(args: SqlArgs) -> anyhow::Result<Ending> {
    let is_terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if is_terminal { Format::Table } else { Format::Csv });
    if is_terminal && matches!(format, Format::Parquet | Format::Arrow) {
        bail!("{} is nothing for a terminal; send it into a file with >", format.asked());
    }
    let statement = statement(&args)?;
    let question = Question {
        // A statement that is read from a file has one; the server takes one statement.
        query: statement.trim().trim_end_matches(';').trim_end(),
        parameters: args.parameters.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
        format: format.asked(),
        max_rows: args.max_rows,
        timeout_seconds: args.timeout,
    };
    let client = Client::new(&args.server, SILENCE + Duration::from_secs(args.timeout.unwrap_or(0)));
    let body = serde_json::to_vec(&question)?;
    let mut answer = client.post("/api/v1/sql", &[("content-type", "application/json")], &body)?;
    if format == Format::Table {
        let text = client.text(answer)?;
        let answer: Answer = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
        return table::print(&answer);
    }
    let shown = is_terminal.then(|| Shown::new(format));
    copy(&client, &mut answer.body_mut().as_reader(), shown)?;
    Ok(Ending::Done)
}

/// The statement as it was given.
fn statement(args: &SqlArgs) -> anyhow::Result<String> {
    if let Some(path) = &args.file {
        return std::fs::read_to_string(path).with_context(|| path.display().to_string());
    }
    if let Some(query) = args.query.as_ref().filter(|query| *query != "-") {
        return Ok(query.clone());
    }
    let mut input = io::stdin();
    if args.query.is_none() && input.is_terminal() {
        bail!("there is no statement: give one as an argument, with --file, or on standard input");
    }
    let mut text = String::new();
    input.read_to_string(&mut text).context("standard input")?;
    Ok(text)
}

/// Passes the answer on as it comes, to a terminal only what that does not obey. That it breaks off is told apart from that
/// nobody reads it.
fn copy(client: &Client, answer: &mut impl Read, mut shown: Option<Shown>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = match answer.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(incomplete(client, &error).into()),
        };
        match &mut shown {
            None => out.write_all(&buffer[..count])?,
            Some(shown) => out.write_all(shown.next(&buffer[..count]).as_bytes())?,
        }
    }
    out.flush()?;
    Ok(())
}

fn incomplete(client: &Client, error: &io::Error) -> CallError {
    client.broke_off(format!("the answer is not complete ({error})"))
}
