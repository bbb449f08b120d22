//! `cargo xtask test`: everything that has to hold, in phases, the cheap ones first.

mod chromium;
mod features;
mod phases;
mod python;
mod sql_clients;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;

use crate::interrupt;

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only this phase; may be given several times
    #[arg(long, value_name = "PHASE")]
    only: Vec<Phase>,
}

/// The phases in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// rustfmt finds nothing to change
    Format,
    /// clippy, warnings are errors
    Lint,
    /// The layer with each of its features alone, with none and with all (by cargo-hack where it is installed), and
    /// with the oldest Rust it claims to need (where rustup has it)
    Features,
    /// rustdoc, warnings are errors
    Docs,
    /// Licences, duplicate and banned crates, sources (cargo deny; skipped where it is not installed)
    Deny,
    /// biome and TypeScript over everything for the web
    Web,
    /// The unit tests of the JavaScript and Python clients
    Clients,
    /// Every Rust test of the workspace, against the embedded engine
    Rust,
    /// The server's tests once more, against a separately started engine
    Remote,
    /// The layer's example services behind nginx, the trees that the server makes of their requests, node-bunyan's command
    /// as a reader of their records, and a service with node-bunyan whose records are imported and shipped (without the
    /// chain where no nginx can be had)
    Services,
    /// Clients, browser and SQL against a running server
    E2e,
    /// Other people's clients of ClickHouse, from PyPI and npm, as reader and with the password (those for Python are skipped
    /// where there is no Python 3.10)
    SqlClients,
}

/// How a phase that did not fail ended.
enum Outcome {
    Passed,
    Skipped(String),
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.to_possible_value().map(|value| value.get_name().to_owned());
        f.pad(name.as_deref().unwrap_or("?"))
    }
}

/// One line of the summary.
struct Line {
    phase: Phase,
    result: Result<Outcome>,
    duration: Duration,
}

/// Runs all the phases, also after one that failed, then says how each went.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut lines = Vec::new();
    for &phase in Phase::value_variants() {
        if !args.only.is_empty() && !args.only.contains(&phase) {
            continue;
        }
        println!("\n== {phase}");
        let started = Instant::now();
        let result = phase.run();
        interrupt::check()?;
        if let Err(error) = &result {
            println!("{phase} failed: {error:#}");
        }
        lines.push(Line { phase, result, duration: started.elapsed() });
    }
    summarise(&lines);
    ensure!(!lines.is_empty(), "no phase ran");
    let failed: Vec<_> = lines.iter().filter(|line| line.result.is_err()).map(|line| line.phase).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = failed.iter().map(Phase::to_string).collect();
    let again: String = failed.iter().map(|phase| format!(" --only {phase}")).collect();
    bail!("failed: {} (again: cargo xtask test{again})", names.join(", "))
}

impl Phase {
    fn run(self) -> Result<Outcome> {
        match self {
            Self::Format => phases::format(),
            Self::Lint => phases::lint(),
            Self::Features => features::run(),
            Self::Docs => phases::docs(),
            Self::Deny => phases::deny(),
            Self::Web => phases::web(),
            Self::Clients => phases::clients(),
            Self::Rust => phases::rust(),
            Self::Remote => phases::remote(),
            Self::Services => phases::services(),
            Self::E2e => phases::e2e(),
            Self::SqlClients => sql_clients::run(),
        }
    }
}

fn summarise(lines: &[Line]) {
    println!();
    for Line { phase, result, duration } in lines {
        let word = match result {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::Skipped(reason)) => format!("skipped: {reason}"),
            Err(_shown_above) => "FAILED".to_owned(),
        };
        println!("  {phase:11} {:6.1} s  {word}", duration.as_secs_f64());
    }
    let count =
        |wanted: fn(&Result<Outcome>) -> bool| lines.iter().filter(|line| wanted(&line.result)).count();
    let passed = count(|result| matches!(result, Ok(Outcome::Passed)));
    let skipped = count(|result| matches!(result, Ok(Outcome::Skipped(_))));
    let failed = count(Result::is_err);
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
}
