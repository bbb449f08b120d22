//! The commands of `log-center` that talk to a running server: `import`, `search`, `tail`, `issues`, `requests`, `trace` and
//! `sql`; and one that needs none, `completions`.
//!
//! This crate knows the HTTP interface of the server and nothing of its inside. The server's program, `log-center`, calls
//! [`run`]; its library does not know this crate. The commands use the HTTP interface as any other program may, on plain
//! threads: a command does one thing and ends. What was asked for goes to standard output, everything else to standard error.
//! Whoever reads standard output may stop doing so at any time.

mod client;
mod completions;
mod import;
mod issues;
mod list;
mod out;
mod parameters;
mod pipe;
mod record;
mod requests;
mod search;
mod sql;
mod style;
mod tail;
mod trace;

pub use pipe::forgive_closed;

use clap::Subcommand;
use std::process::ExitCode;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send files of bunyan records to the server, or what comes in by a pipe.
    Import(import::ImportArgs),
    /// Find records.
    Search(search::SearchArgs),
    /// Show records as they arrive, and if wanted the last ones before.
    Tail(tail::TailArgs),
    /// List issues, show one, or change its state.
    Issues(issues::IssuesArgs),
    /// Find requests: slow ones, failed ones, those of a user.
    Requests(requests::RequestsArgs),
    /// Show one request across all services that took part, as a waterfall.
    Trace(trace::TraceArgs),
    /// Ask with SQL.
    Sql(sql::SqlArgs),
    /// Print what makes a shell complete the commands and options of this program.
    Completions(completions::CompletionsArgs),
}

/// How a command ended that did not fail. A failure is 1, a wrong command line 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With what was asked for: 0.
    Done,
    /// All was sent, but some of it was refused: 3.
    SomeRefused,
    /// The request or issue that was named is not there: 4. A list with nothing in it is [`Ending::Done`].
    NotFound,
    /// By SIGINT, in order: 130, as shells have it.
    Interrupted,
    /// By SIGTERM, in order: 143.
    Terminated,
}

impl Ending {
    /// What the program exits with.
    pub const fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::SomeRefused => 3,
            Ending::NotFound => 4,
            Ending::Interrupted => 130,
            Ending::Terminated => 143,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ExitCode::from(ending.code())
    }
}

/// Runs a command. `program` is the whole command line's definition.
///
/// # Errors
/// It could not do what it was asked for; the error says why and what to do about it.
pub fn run(command: Command, program: clap::Command) -> anyhow::Result<Ending> {
    // An import has its own way to stop: what was sent is waited for.
    if !matches!(command, Command::Import(_)) {
        out::end_between_lines()?;
    }
    let outcome = match command {
        Command::Import(args) => import::run(args),
        Command::Search(args) => search::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Issues(args) => issues::run(&args),
        Command::Requests(args) => requests::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Sql(args) => sql::run(args),
        Command::Completions(args) => completions::run(args, program),
    };
    pipe::forgive_closed(outcome)
}
