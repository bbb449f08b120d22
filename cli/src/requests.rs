//! `log-center requests`: requests are found.

use super::Ending;
use super::client::{Client, SILENCE, ServerArgs};
use super::list;
use super::out::{Out, say};
use super::parameters::Parameters;
use super::record::moment;
use super::search;
use super::style::{BAD, ColorArgs, DIM, NAME, millis, of_state, plain};
use serde::Deserialize;

/// The most requests that are listed: all are kept until they are shown.
const REQUESTS_MAX: u32 = 10_000;

/// How many are listed if nobody says.
const REQUESTS: u32 = 50;

/// Which requests. What is absent does not restrict.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line is a request as one service handled it. Without --service these are the outermost ones, so that a request comes once. \
SINCE and UNTIL are a time (2026-11-20T10:30:00Z) or an age (90s, 30m, 24h, 7d, 2w) of its end. Times are UTC.

  log-center requests --state error --since 1h
  log-center requests --service shop --route '/orders/{id}' --sort slowest -n 10
  log-center requests --uid u_12345 --status 4xx,5xx
  log-center requests --json --min-ms 500 | jq -r .req_id | while read id; do log-center trace \"$id\"; done")]
pub struct RequestsArgs {
    /// Only handled by this service, wherever in the request.
    #[arg(long, visible_alias = "project")]
    service: Option<String>,

    /// outermost or all. Default: all with --service, else outermost.
    #[arg(long)]
    hops: Option<String>,

    /// Only in this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// Only with this HTTP method.
    #[arg(long)]
    method: Option<String>,

    /// Only of this route: /users/{id}.
    #[arg(long)]
    route: Option<String>,

    /// Only with this text in the URL, in any letter case.
    #[arg(long, value_name = "TEXT")]
    url_part: Option<String>,

    /// Only with one of these statuses, separated by commas: 404, 5xx.
    #[arg(long, value_name = "STATUSES")]
    status: Option<String>,

    /// Only those that ended so: ok, error or unfinished. Default: all that ended.
    #[arg(long)]
    state: Option<String>,

    /// Only of this user.
    #[arg(long)]
    uid: Option<String>,

    /// Only of this client: a long-lived cookie or device.
    #[arg(long)]
    rrdid: Option<String>,

    /// Only from this address.
    #[arg(long)]
    ip: Option<String>,

    /// Only those that took so many milliseconds or more.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    min_ms: Option<String>,

    /// Only those that took so many milliseconds or less.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    max_ms: Option<String>,

    /// Ended at this time or later. Default: a day before UNTIL, or before now.
    #[arg(long)]
    since: Option<String>,

    /// Ended before this time.
    #[arg(long)]
    until: Option<String>,

    /// Their order: latest, slowest, or failing (the latest that failed). Default: latest.
    #[arg(long)]
    sort: Option<String>,

    /// How many requests at most.
    #[arg(long, short = 'n', value_name = "N", default_value_t = REQUESTS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(REQUESTS_MAX)))]
    limit: u32,

    /// Print each request as JSON on one line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// What is shown of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    req_id: String,
    started_at: String,
    service: String,
    method: String,
    route: String,
    url: String,
    status: Option<u16>,
    duration_ms: Option<f64>,
    uid: String,
    error_count: u64,
    state: String,
}

/// The names of the cells of a line that no person reads.
const COLUMNS: [&str; 10] =
    ["req_id", "started_at", "service", "state", "status", "duration_ms", "method", "path", "uid", "errors"];

pub(super) fn run(args: &RequestsArgs) -> anyhow::Result<Ending> {
    let parameters = Parameters::default()
        .with("service", args.service.as_deref())
        .with("hops", args.hops.as_deref())
        .with("environment", args.environment.as_deref())
        .with("method", args.method.as_deref())
        .with("route", args.route.as_deref())
        .with("url", args.url_part.as_deref())
        .with("status", args.status.as_deref())
        .with("state", args.state.as_deref())
        .with("uid", args.uid.as_deref())
        .with("rrdid", args.rrdid.as_deref())
        .with("ip", args.ip.as_deref())
        .with("min_ms", args.min_ms.as_deref())
        .with("max_ms", args.max_ms.as_deref())
        .with("since", args.since.as_deref())
        .with("until", args.until.as_deref())
        .with("sort", args.sort.as_deref());
    let client = Client::new(&args.server, SILENCE);
    let found = list::first(&client, "/api/v1/requests", &parameters, args.limit as usize)?;
    found.print(&mut Out::colored(args.color), args.json, &COLUMNS, show)?;
    if found.has_more {
        say(format!("the first {} are shown; -n shows more", args.limit));
    } else if found.items.is_empty() {
        search::nothing(args.since.is_some());
    }
    Ok(Ending::Done)
}

fn show(out: &mut Out, request: &Request) -> std::io::Result<()> {
    let path = if request.route.is_empty() { &request.url } else { &request.route };
    let status = request.status.map(|status| status.to_string()).unwrap_or_default();
    let duration = request.duration_ms;
    if !out.is_terminal() {
        return out.cells([
            &*request.req_id,
            &request.started_at,
            &request.service,
            &request.state,
            &status,
            &duration.map(|ms| ms.to_string()).unwrap_or_default(),
            &request.method,
            path,
            &request.uid,
            &request.error_count.to_string(),
        ]);
    }
    let style = of_state(&request.state);
    let duration =
        duration.map_or_else(|| plain(&request.state).into_owned(), |ms| format!("{} ms", millis(ms)));
    let mut line = format!(
        "{DIM}{}{DIM:#} {style}{status:>3} {duration:>11}{style:#} {NAME}{}{NAME:#} {} {}",
        moment(&request.started_at),
        plain(&request.service),
        plain(&request.method),
        plain(path),
    );
    if request.error_count > 0 {
        let word = if request.error_count == 1 { "error" } else { "errors" };
        line += &format!(" {BAD}{} {word}{BAD:#}", request.error_count);
    }
    if !request.uid.is_empty() {
        line += &format!(" {DIM}uid={}{DIM:#}", plain(&request.uid));
    }
    out.wrapped(line, HANG)?;
    // On a line of its own, so that it can be taken with a double click for `trace`.
    out.wrapped(format_args!("{:HANG$}{DIM}{}{DIM:#}", "", plain(&request.req_id)), HANG)
}

/// How far the second line of a request stands to the right.
const HANG: usize = 4;
