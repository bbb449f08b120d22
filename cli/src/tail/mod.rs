//! `log-center tail`: records as they arrive.
//!
//! The last records before come from the search. They are asked for when the connection for those to come stands, so that
//! none falls between the two; one that comes by both is shown once.

mod sse;

use super::Ending;
use super::client::{CallError, Client, SILENCE as SEARCH_SILENCE, ServerArgs, unreadable};
use super::out::{Out, say};
use super::parameters::Parameters;
use super::search::{self, RECORDS_MAX};
use super::style::ColorArgs;
use serde::Deserialize;
use sse::{Event, Events};
use std::collections::HashMap;
use std::time::Duration;
use ureq::http::StatusCode;

/// Which records, and how they are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
QUERY is in the language of the search: level:>=warn service:shop* \"card declined\" tm:>500 -url:/health* (a OR b). \
All arguments together are one query. Put -- before one that begins with a minus.

The connection is made again when it breaks, and goes on behind the last record. Times are UTC. ^C ends it.

  log-center tail level:error
  log-center tail -n 20 service:shop
  log-center tail --since 10m 'level:>=warn'
  log-center tail --json service:pay | jq .err")]
pub struct TailArgs {
    /// Which records; all of them, if absent.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,

    /// Begin with so many records that are there already, the latest ones. Without --since only those of the last day.
    #[arg(long, short = 'n', value_name = "N",
        value_parser = clap::value_parser!(u32).range(0..=i64::from(RECORDS_MAX)))]
    limit: Option<u32>,

    /// Begin with the records since a time (2026-11-20T10:30:00Z) or for an age (90s, 30m, 24h, 7d): the latest 10,000, or as
    /// many as -n says.
    #[arg(long)]
    since: Option<String>,

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
    /// Records that were shown before the stream began and may come by it once more.
    shown: Shown,
}

pub(super) fn run(args: &TailArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let query = args.query.join(" ");
    let query = Some(query.trim()).filter(|query| !query.is_empty());
    let path = Parameters::default().with("q", query).behind("/api/v1/events/tail");
    let mut out = Out::colored(args.color);
    let mut position = Position::default();
    let mut is_away = false;
    loop {
        let error = match follow(args, &client, &path, &mut out, &mut position, &mut is_away)? {
            Ok(()) => client.broke_off("the connection was closed"),
            Err(error) => error,
        };
        if !position.was_there || !error.may_pass() {
            if position.id.is_some() && error.status() == Some(StatusCode::UNPROCESSABLE_ENTITY) {
                // The query was good before, so it is the place that the server does not know any more.
                say("the server cannot go on where it was; records of the meantime are left out");
                position.id = None;
                continue;
            }
            return Err(error.into());
        }
        if !std::mem::replace(&mut is_away, true) {
            say(format!("{error}; connecting again"));
        }
        let wanted = error.retry_after().or(position.pause).unwrap_or(RECONNECT_PAUSE);
        std::thread::sleep(wanted.min(RECONNECT_PAUSE_MOST));
    }
}

/// Shows what comes until the connection ends. The outer error ends the command.
fn follow(
    args: &TailArgs,
    client: &Client,
    path: &str,
    out: &mut Out,
    position: &mut Position,
    is_away: &mut bool,
) -> anyhow::Result<Result<(), CallError>> {
    let mut headers = vec![("accept", "text/event-stream")];
    let last = position.id.clone();
    if let Some(id) = &last {
        headers.push(("last-event-id", id));
    }
    // The server has begun to follow when this answer begins.
    let mut answer = match client.get(path, &headers) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    if !std::mem::replace(&mut position.was_there, true) {
        position.shown = begin(args, out)?;
    }
    if std::mem::take(is_away) {
        say("connected again");
    }
    let mut events = Events::new(answer.body_mut().as_reader());
    loop {
        let event = match events.next() {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(client.broke_off(error))),
        };
        position.pause = event.retry.or(position.pause);
        show(args, out, &event, &mut position.shown)?;
        if event.id.is_some() {
            position.id = event.id;
        }
    }
}

/// Shows what is there already, as far as it is wanted.
fn begin(args: &TailArgs, out: &mut Out) -> anyhow::Result<Shown> {
    let mut shown = Shown::default();
    let count = args.limit.unwrap_or(if args.since.is_some() { RECORDS_MAX } else { 0 });
    if count == 0 {
        return Ok(shown);
    }
    // A search may take longer than a stream may be silent.
    let client = Client::new(&args.server, SEARCH_SILENCE);
    let mut found = search::find(&client, &args.query.join(" "), args.since.as_deref(), None, count)?;
    if found.has_more && args.limit.is_none() {
        say(format!(
            "of what is there already the latest {count} records are shown; a later --since shows all"
        ));
    }
    found.items.reverse();
    for item in found.items {
        search::show(out, &item, args.json)?;
        shown.note(&item);
    }
    out.flush()?;
    Ok(shown)
}

/// Records by what tells them apart, and how often each was shown.
#[derive(Default)]
struct Shown(HashMap<String, u32>);

impl Shown {
    fn note(&mut self, record: &str) {
        *self.0.entry(identity(record)).or_default() += 1;
    }

    /// Whether this is one of them. Each counts once.
    fn takes(&mut self, record: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let identity = identity(record);
        let Some(count) = self.0.get_mut(&identity) else { return false };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&identity);
        }
        true
    }
}

/// The id of a record; of a server that has none, all of its text.
fn identity(record: &str) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Known {
        id: String,
    }
    let Known { id } = serde_json::from_str(record).unwrap_or_default();
    if id.is_empty() { record.to_owned() } else { id }
}

fn show(args: &TailArgs, out: &mut Out, event: &Event, shown: &mut Shown) -> anyhow::Result<()> {
    if event.name == "skipped" {
        let Skipped { count } = serde_json::from_str(&event.data).map_err(|error| unreadable(&error))?;
        let count = count.map_or_else(|| "some".to_owned(), |count| count.to_string());
        say(format!("{count} records came too fast and are left out; a narrower query shows all"));
    } else if event.name.is_empty() && !event.data.is_empty() && !shown.takes(&event.data) {
        // Of another name is what a later server may say besides.
        search::show(out, &event.data, args.json)?;
        out.flush()?;
    }
    Ok(())
}
