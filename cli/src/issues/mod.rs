//! `log-center issues`: the list of issues, one of them, and changes of its state.

mod list;
mod set;
mod show;

use super::Ending;
use super::client::CallError;
use super::out::say;
use list::ListArgs;
use serde::Deserialize;
use set::SetArgs;
use show::ShowArgs;

/// What to do with issues; without a command they are listed.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
An issue is all errors of one project with the same type, file and line. Without a command the issues are listed, those first \
that occurred last; `log-center issues list --help` has the options.

  log-center issues --status NEW --project shop
  log-center issues show 6844892449514628
  log-center issues set 6844892449514628 verifying --note 'seen on staging'"
)]
pub struct IssuesArgs {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List issues.
    List(ListArgs),
    /// Show an issue: its latest occurrence with the stack, when it occurred, and its history.
    Show(ShowArgs),
    /// Change the state of an issue.
    Set(SetArgs),
}

/// What is shown of an issue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Issue {
    id: u64,
    project_id: String,
    r#type: String,
    message: String,
    file_path: String,
    line_number: u64,
    level: String,
    status: String,
    count: u64,
    users: u64,
    first_seen: String,
    last_seen: String,
    environments: Vec<String>,
    versions: Vec<String>,
}

pub(super) fn run(args: &IssuesArgs) -> anyhow::Result<Ending> {
    match &args.command {
        None => list::run(&args.list),
        Some(Command::List(args)) => list::run(args),
        Some(Command::Show(args)) => show::run(args),
        Some(Command::Set(args)) => set::run(args),
    }
}

/// The path of an issue.
fn path(id: &str) -> String {
    format!("/api/v1/issues/{}", super::parameters::step(id))
}

/// How a command ends whose issue the server does not have, or why there is no answer.
fn missing(error: CallError) -> anyhow::Result<Ending> {
    let Some(words) = error.not_found() else { return Err(error.into()) };
    say(format!("{words}; `log-center issues` lists them with their numbers"));
    Ok(Ending::NotFound)
}
