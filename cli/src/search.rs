//! `log-center search`: records that are there already.

use super::Ending;
use super::client::{Client, SILENCE, ServerArgs};
use super::list::{self, Listed};
use super::out::{Out, say};
use super::parameters::Parameters;
use super::record::Record;
use super::style::ColorArgs;

/// The most records of one search, which are all kept until they are shown: 10,000. More than a person reads; whoever wants
/// more asks with SQL.
pub(super) const RECORDS_MAX: u32 = 10_000;

/// How many records are shown if nobody says.
const RECORDS: u32 = 50;

/// Which records, and how they are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
QUERY is in the language of the search: level:>=warn service:shop* \"card declined\" tm:>500 -url:/health* (a OR b). \
All arguments together are one query. Put -- before one that begins with a minus.

The latest records that fit are shown, the oldest of them first, as in a log. Times are UTC. SINCE and UNTIL are a time \
(2026-11-20T10:30:00Z, 2026-11-20) or an age (90s, 30m, 24h, 7d, 2w).

  log-center search level:error service:shop
  log-center search --since 7d -n 500 'uid:u_12345 tm:>500'
  log-center search --json 'err.type:Declined' | jq -r .req_id")]
pub struct SearchArgs {
    /// Which records; all of them, if absent.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,

    /// From this time on. Default: a day before UNTIL, or before now.
    #[arg(long)]
    since: Option<String>,

    /// Before this time.
    #[arg(long)]
    until: Option<String>,

    /// How many records at most, the latest ones.
    #[arg(long, short = 'n', value_name = "N", default_value_t = RECORDS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(RECORDS_MAX)))]
    limit: u32,

    /// Show the latest record first.
    #[arg(long)]
    newest_first: bool,

    /// Print each record as JSON on one line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

pub(super) fn run(args: &SearchArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let query = args.query.join(" ");
    let mut found = find(&client, &query, args.since.as_deref(), args.until.as_deref(), args.limit)?;
    if !args.newest_first {
        found.items.reverse();
    }
    let mut out = Out::colored(args.color);
    for item in &found.items {
        show(&mut out, item, args.json)?;
    }
    out.flush()?;
    if found.has_more {
        let more = if args.limit < RECORDS_MAX { "-n shows more" } else { "`log-center sql` reads all" };
        say(format!("the latest {} are shown; {more}", args.limit));
    } else if found.items.is_empty() {
        nothing(args.since.is_some());
    }
    Ok(Ending::Done)
}

/// What is said where a list is empty: it may only be that nobody looked far enough back.
pub(super) fn nothing(has_since: bool) {
    say(if has_since {
        "nothing is found"
    } else {
        "nothing is found in the last day; --since 7d looks further back"
    });
}

/// The latest records that fit, the latest first.
///
/// # Errors
/// The server does not answer, or refuses.
pub(super) fn find(
    client: &Client,
    query: &str,
    since: Option<&str>,
    until: Option<&str>,
    count: u32,
) -> anyhow::Result<Listed> {
    let query = Some(query.trim()).filter(|query| !query.is_empty());
    let parameters = Parameters::default().with("q", query).with("since", since).with("until", until);
    list::first(client, "/api/v1/events", &parameters, count as usize)
}

/// Prints a record, which comes as JSON.
///
/// # Errors
/// Standard output fails, or the record has another form than this program knows.
pub(super) fn show(out: &mut Out, json: &str, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        out.json(json)?;
    } else {
        out.line(list::item::<Record>(json)?.logged())?;
    }
    Ok(())
}
