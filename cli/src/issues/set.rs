//! `log-center issues set`.

use super::{Issue, missing, path};
use crate::Ending;
use crate::client::{Client, SILENCE, ServerArgs};
use crate::list;
use crate::out::{Out, say};
use crate::style::{BOLD, ColorArgs, plain};
use serde::Serialize;
use ureq::http::StatusCode;

/// Which issue becomes what.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A new issue is verified, fixed, verified again and deployed:

  new → verifying → pending_fix → fixing → fixed → verified → deployed
            ↓                        ↓       ↓
     cannot_reproduce             fix_failed → pending_fix or fixing

A new occurrence of an issue that is deployed or could not be reproduced makes it new by itself.

  log-center issues set 6844892449514628 verifying --note 'seen on staging'")]
pub(super) struct SetArgs {
    /// The number of the issue.
    id: String,

    /// The new state: verifying, cannot_reproduce, pending_fix, fixing, fix_failed, fixed, verified, deployed.
    #[arg(value_name = "STATE")]
    status: String,

    /// Why; it stands in the history.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Who; it stands in the history.
    #[arg(long, env = "USER", value_name = "NAME")]
    actor: Option<String>,

    /// Print the server's answer: the issue as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    color: ColorArgs,
}

#[derive(Serialize)]
struct Change<'a> {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
}

/// States as the server writes them: people type `pending-fix`, too.
pub(super) fn state(words: &str) -> String {
    words.trim().to_uppercase().replace('-', "_")
}

pub(super) fn run(args: &SetArgs) -> anyhow::Result<Ending> {
    let change =
        Change { status: state(&args.status), note: args.note.as_deref(), actor: args.actor.as_deref() };
    let client = Client::new(&args.server, SILENCE);
    let answer = match client.patch(&path(&args.id), &serde_json::to_vec(&change)?) {
        Ok(answer) => answer,
        Err(error) => return missing(error),
    };
    let is_seen_later = answer.status() == StatusCode::ACCEPTED;
    let text = client.text(answer)?;
    let mut out = Out::colored(args.color);
    if args.json {
        out.json(&text)?;
    } else {
        let issue: Issue = list::item(&text)?;
        out.line(format_args!("issue {} is {BOLD}{}{BOLD:#}", issue.id, plain(&issue.status)))?;
    }
    out.flush()?;
    if is_seen_later {
        say("the change is kept; lists show it as soon as ClickHouse has it");
    }
    Ok(Ending::Done)
}
