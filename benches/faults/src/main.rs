//! What a server in trouble costs the program that logs: nothing, and this is where it can be seen.
//!
//! For each [`Fault`] a server that behaves like it ([`server`]), and a program that logs at a steady rate or as
//! fast as it can and takes the time of each call ([`program`]). The program is this one, started again, so that each
//! has its subscriber to itself and the server's work is not in its time. Without a server at all it does the same
//! as the row to compare with: what differs from that is the fault's doing, or the machine's.

mod fault;
mod program;
mod server;
mod table;

use crate::fault::Fault;
use crate::program::{Load, Outcome};
use crate::table::{LayerFaults, Row};
use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use log_center_benches::machine::{Machine, first_line_of};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Inner>,
    /// Only these faults
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    #[command(flatten)]
    amount: Amount,
    /// Runs of each kind; the median of each figure counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Where table and JSON go [default: benches/results]
    #[arg(long)]
    results: Option<PathBuf>,
    /// Name of the two files, without extension
    #[arg(long, default_value = "layer-faults")]
    name: String,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Args)]
struct Amount {
    /// Events in each run at full speed
    #[arg(long, default_value_t = 500_000)]
    events: u64,
    /// Events a second in the runs at a steady rate
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Seconds of each run at a steady rate
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// What the program starts itself for.
#[derive(Subcommand)]
enum Inner {
    /// Logs to a server and prints what each call took
    Log {
        /// Address of the server; without it records are only written
        #[arg(long)]
        endpoint: Option<String>,
        #[arg(long)]
        load: Load,
        #[command(flatten)]
        amount: Amount,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Inner::Log { endpoint, load, amount }) => {
            let outcome = program::log(endpoint.as_deref(), load, amount)?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        None => measure_all(&arguments),
    }
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let Amount { events, rate, seconds } = arguments.amount;
    let mut result = LayerFaults {
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        machine: Machine::this(),
        command: "cargo run --release --manifest-path benches/Cargo.toml -p layer-faults".to_owned(),
        commit: first_line_of("git", &["describe", "--always", "--dirty"]),
        rustc: first_line_of("rustc", &["--version"]),
        events,
        rate,
        seconds,
        runs: arguments.runs,
        rows: Vec::new(),
    };
    let program = std::env::current_exe()?;
    for load in [Load::Steady, Load::Full] {
        for fault in Fault::ALL {
            if !arguments.faults.is_empty() && !arguments.faults.contains(&fault) {
                continue;
            }
            let outcomes = (0..arguments.runs.max(1))
                .map(|_| measure(&program, fault, load, arguments.amount))
                .collect::<Result<Vec<_>>>()?;
            eprintln!("measured: {}, {}", fault.title(), load.title());
            result.rows.push(Row::new(fault, load, &outcomes));
        }
    }
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../results"));
    let path = result.write(arguments.results.as_deref().unwrap_or(&default), &arguments.name)?;
    println!("{}\nwritten to {}", result.markdown(), path.display());
    Ok(())
}

/// One run in a process of its own.
fn measure(program: &Path, fault: Fault, load: Load, amount: Amount) -> Result<Outcome> {
    let mut command = Command::new(program);
    command.args(["log", "--load", load.argument()]);
    for (name, figure) in
        [("--events", amount.events), ("--rate", amount.rate), ("--seconds", amount.seconds)]
    {
        command.args([name, &figure.to_string()]);
    }
    if let Some(address) = server::start(fault)? {
        command.args(["--endpoint", &format!("http://{address}")]);
    }
    let output = command.output().context("cannot start the program again")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
