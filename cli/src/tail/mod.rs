//! `log-center tail`: records as they arrive.

mod sse;

use super::Ending;
use super::client::{CallError, Client, ServerArgs, unreadable};
use super::record::Record;
use super::style::{ColorArgs, DIM, plain};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sse::{Event, Events};
use std::io::{self, Write};
use std::time::Duration;
use ureq::http::StatusCode;

/// Which records, and how they are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
QUERY is in the language of the search: level:>=warn service:shop* \"card declined\" tm:>500 -url:/health* (a OR b). \
All arguments together are one query. Put -- before one that begins with a minus.

The connection is made again when it breaks, and goes on behind the last record. Times are UTC.

  log-center tail level:error
  log-center tail --json service:pay | jq .err")]
pub struct TailArgs {
    /// Which records; all of them, if absent.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,

    /// Print each record as JSON on one line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// How long the server may be silent: it gives a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);

/// The pause before the connection is made again, unless the server says another.
const RECONNECT_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause.
const RECONNECT_PAUSE_MOST: Duration = Duration::from_secs(30);

/// What the server sends in place of records that it could not keep up with.
#[derive(Deserialize)]
struct Skipped {
    count: Option<u64>,
}

/// Where the stream stands.
#[derive(Default)]
struct Position {
    /// Of the last record.
    id: Option<String>,
    /// What the server wants the pause to be.
    pause: Option<Duration>,
    /// It has answered once.
    was_there: bool,
}

pub(super) fn run(args: &TailArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let query = args.query.join(" ");
    let path = match query.trim() {
        "" => "/api/v1/events/tail".to_owned(),
        query => format!("/api/v1/events/tail?q={}", utf8_percent_encode(query, NON_ALPHANUMERIC)),
    };
    let mut position = Position::default();
    let mut is_away = false;
    loop {
        let error = match follow(args, &client, &path, &mut position, &mut is_away)? {
            Ok(()) => client.broke_off("the connection was closed"),
            Err(error) => error,
        };
        if !position.was_there || !error.may_pass() {
            if position.id.is_some() && error.status() == Some(StatusCode::UNPROCESSABLE_ENTITY) {
                // The query was good before, so it is the place that the server does not know any more.
                say("the server cannot go on where it was; records of the meantime are left out")?;
                position.id = None;
                continue;
            }
            return Err(error.into());
        }
        if !std::mem::replace(&mut is_away, true) {
            say(&format!("{error}; connecting again"))?;
        }
        let wanted = error.retry_after().or(position.pause).unwrap_or(RECONNECT_PAUSE);
        std::thread::sleep(wanted.min(RECONNECT_PAUSE_MOST));
    }
}

/// Shows what comes until the connection ends. The outer error is of standard output.
fn follow(
    args: &TailArgs,
    client: &Client,
    path: &str,
    position: &mut Position,
    is_away: &mut bool,
) -> anyhow::Result<Result<(), CallError>> {
    let mut headers = vec![("accept", "text/event-stream")];
    let last = position.id.clone();
    if let Some(id) = &last {
        headers.push(("last-event-id", id));
    }
    let mut answer = match client.get(path, &headers) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    position.was_there = true;
    if std::mem::take(is_away) {
        say("connected again")?;
    }
    let mut out = args.color.stdout().lock();
    let mut events = Events::new(answer.body_mut().as_reader());
    loop {
        let event = match events.next() {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(client.broke_off(error))),
        };
        position.pause = event.retry.or(position.pause);
        show(args, &mut out, &event)?;
        if event.id.is_some() {
            position.id = event.id;
        }
    }
}

fn show(args: &TailArgs, out: &mut impl Write, event: &Event) -> anyhow::Result<()> {
    if event.name == "skipped" {
        let Skipped { count } = serde_json::from_str(&event.data).map_err(|error| unreadable(&error))?;
        let count = count.map_or_else(|| "some".to_owned(), |count| count.to_string());
        return say(&format!("{count} records came too fast and are left out; a narrower query shows all"));
    }
    if !event.name.is_empty() || event.data.is_empty() {
        // What a later server may say besides.
        return Ok(());
    }
    if args.json {
        writeln!(out, "{}", event.data)?;
    } else {
        let record: Record = serde_json::from_str(&event.data).map_err(|error| unreadable(&error))?;
        write!(out, "{DIM}{}{DIM:#} {}", plain(record.clock()), record.told())?;
        if !record.req_id.is_empty() {
            write!(out, " {DIM}req={}{DIM:#}", plain(record.short_id()))?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn say(text: &str) -> anyhow::Result<()> {
    // Nobody may be there to read it, which is no reason to stop.
    _ = writeln!(io::stderr(), "log-center: {text}");
    Ok(())
}
