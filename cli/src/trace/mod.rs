//! `log-center trace`: one request as a waterfall.

mod answer;
mod waterfall;

use super::Ending;
use super::client::{CallError, Client, SILENCE, ServerArgs, unreadable};
use super::style::ColorArgs;
use answer::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::io::{self, Write};
use terminal_size::{Width, terminal_size};
use ureq::http::StatusCode;

/// Which request, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line is a request that a service handled, or (with an arrow) a call that it made: its status, when it began after the \
request's start, how long it took, and where that lies in the whole. A dashed bar is a hop of which nobody wrote the end; \
ERROR and WARN records stand below their hop. Exit code 4: no record has this id.

  log-center trace 01a1fed2-9f98-74e6-b46c-86defb11a18b --events")]
pub struct TraceArgs {
    /// The request's id: what its response has in X-Request-Id.
    #[arg(value_name = "REQ_ID")]
    req_id: String,

    /// Print the server's answer as it is.
    #[arg(long, conflicts_with_all = ["events", "width"])]
    json: bool,

    /// List all records of the request behind the waterfall.
    #[arg(long)]
    events: bool,

    /// How many records at most, the first ones: 1 to 100000. Default: 10000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: Option<u32>,

    /// How wide the lines may be, in characters. Default: as wide as the terminal, or 120.
    #[arg(long, value_name = "CHARS", value_parser = clap::value_parser!(u16).range(40..=1000))]
    width: Option<u16>,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// Where there is no terminal to ask.
const DEFAULT_WIDTH: u16 = 120;

pub(super) fn run(args: &TraceArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let limit = args.limit.map(|limit| format!("?limit={limit}")).unwrap_or_default();
    let id = utf8_percent_encode(&args.req_id, NON_ALPHANUMERIC);
    let answer = match client.get(&format!("/api/v1/requests/{id}{limit}"), &[]) {
        Ok(answer) => answer,
        Err(CallError::Refused(refusal))
            if refusal.status == StatusCode::NOT_FOUND && refusal.is_of_server() =>
        {
            writeln!(io::stderr(), "log-center: no record has the req_id {}", args.req_id)?;
            return Ok(Ending::NotFound);
        }
        Err(error) => return Err(error.into()),
    };
    let text = client.text(answer)?;
    if args.json {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        return Ok(Ending::Done);
    }
    let request: Request<'_> = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    let width =
        args.width.or_else(|| terminal_size().map(|(Width(width), _)| width)).unwrap_or(DEFAULT_WIDTH);
    let mut out = args.color.stdout().lock();
    let has_hops = waterfall::print(&mut out, &request, usize::from(width))?;
    // Of services that write of no hops there is nothing else to show.
    if args.events || !has_hops {
        writeln!(out)?;
        waterfall::list(&mut out, &request)?;
    }
    out.flush()?;
    Ok(Ending::Done)
}
