//! `log-center trace`: one request as a waterfall.

mod answer;
mod clocks;
mod fold;
mod waterfall;

use super::Ending;
use super::client::{Client, SILENCE, ServerArgs, unreadable};
use super::out::{Out, say};
use super::parameters::{Parameters, step};
use super::style::ColorArgs;
use answer::Request;

/// Which request, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line is a request that a service handled, or (with an arrow) a call that it made: its status, when it began after the \
request's start, how long it took, and where that lies in the whole. A dashed bar is a hop of which nobody wrote the end; \
ERROR and WARN records stand below their hop, equal ones as one line with their number. Where the clocks of hosts differ, \
hops are drawn as if they agreed. Times are UTC. Exit code 4: no record has this id.

  log-center trace 01a1fed2-9f98-74e6-b46c-86defb11a18b
  log-center trace 01a1fed2-9f98-74e6-b46c-86defb11a18b --events
  log-center trace 01a1fed2-9f98-74e6-b46c-86defb11a18b --json | jq '.hops[].children[].name'")]
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

    /// How many records are read at most, the first ones: 1 to 100000. Hops are whole in any case. Default: 10000.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: Option<u32>,

    /// How wide the lines may be, in characters; longer ones go on below. Default: as wide as the terminal. Where standard
    /// output is none, bars reach to 120 and records stand on one line each.
    #[arg(long, value_name = "CHARS", value_parser = clap::value_parser!(u16).range(40..=1000))]
    width: Option<u16>,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

/// How far bars reach where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 120;

pub(super) fn run(args: &TraceArgs) -> anyhow::Result<Ending> {
    let client = Client::new(&args.server, SILENCE);
    let path = format!("/api/v1/requests/{}", step(&args.req_id));
    let answer = match client.get(&Parameters::default().with("limit", args.limit).behind(&path), &[]) {
        Ok(answer) => answer,
        Err(error) => {
            let Some(words) = error.not_found() else { return Err(error.into()) };
            say(format!("{words}; `log-center requests` lists those of the last day"));
            return Ok(Ending::NotFound);
        }
    };
    let text = client.text(answer)?;
    let mut out = Out::colored(args.color).with_width(args.width);
    if args.json {
        out.json(&text)?;
    } else {
        let request: Request<'_> = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
        show(args, &mut out, &request)?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn show(args: &TraceArgs, out: &mut Out, request: &Request<'_>) -> anyhow::Result<()> {
    let has_hops = waterfall::print(out, request)?;
    // Of services that write of no hops there is nothing else to show.
    if args.events || !has_hops {
        out.line("")?;
        waterfall::list(out, request)?;
    }
    let (read, all) = (request.events.len(), request.record_count());
    if read < all {
        say(format!("the first {read} of {all} records were read; --limit reads more"));
    }
    Ok(())
}
