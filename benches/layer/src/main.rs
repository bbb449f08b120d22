//! What one event costs the thread that it comes from: our layer beside the others.
//!
//! Without a subcommand everything is measured, each cell of the table in processes of their own, because a process
//! has one subscriber: the program starts itself again under callgrind, twice, with different numbers of events
//! ([`measure`]), and once more for allocations and time. Table, JSON, machine and versions are written
//! down together ([`table`]).

mod measure;
mod subject;
mod table;
mod workload;

use crate::subject::Subject;
use crate::table::{LayerCost, Row};
use crate::workload::Workload;
use anyhow::Result;
use clap::{Parser, Subcommand};
use log_center_benches::machine::{Machine, first_line_of};
use std::path::PathBuf;

#[derive(Parser)]
#[command(about, version)]
struct Args {
    #[command(subcommand)]
    command: Option<Inner>,
    /// Only these subjects
    #[arg(long, value_delimiter = ',')]
    subjects: Vec<Subject>,
    /// Only these workloads
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// Where table and JSON go [default: benches/results]
    #[arg(long)]
    results: Option<PathBuf>,
    /// Name of the two files, without extension
    #[arg(long, default_value = "layer")]
    name: String,
}

/// What the program starts itself for.
#[derive(Subcommand)]
enum Inner {
    /// Does a workload so many times and ends
    Run { subject: Subject, workload: Workload, events: u32 },
    /// Prints allocations and time for each event of a workload
    Clock { subject: Subject, workload: Workload },
}

fn main() -> Result<()> {
    let args = Args::parse();
    match args.command {
        Some(Inner::Run { subject, workload, events }) => {
            subject.install()?;
            workload.run(events);
        }
        Some(Inner::Clock { subject, workload }) => {
            subject.install()?;
            println!("{}", serde_json::to_string(&measure::clock(workload))?);
        }
        None => measure_all(&args)?,
    }
    Ok(())
}

fn measure_all(args: &Args) -> Result<()> {
    let program = std::env::current_exe()?;
    let mut result = LayerCost {
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        machine: Machine::this(),
        command: "cargo run --release --manifest-path benches/Cargo.toml -p layer-cost".to_owned(),
        commit: first_line_of("git", &["describe", "--always", "--dirty"]),
        rustc: first_line_of("rustc", &["--version"]),
        valgrind: first_line_of("valgrind", &["--version"]),
        rows: Vec::new(),
    };
    for subject in Subject::ALL {
        if !args.subjects.is_empty() && !args.subjects.contains(&subject) {
            continue;
        }
        let mut costs = Vec::new();
        for workload in Workload::ALL {
            let chosen = args.workloads.is_empty() || args.workloads.contains(&workload);
            // Forwarding changes nothing but what an error costs.
            let differs = subject != Subject::OursForwarded || workload == Workload::D;
            costs.push((chosen && differs).then(|| measure::cost(&program, subject, workload)).transpose()?);
        }
        eprintln!("measured: {}", subject.argument());
        result.rows.push(Row::new(subject, costs));
    }
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../results"));
    let path = result.write(args.results.as_deref().unwrap_or(&default), &args.name)?;
    println!("{}\nwritten to {}", result.markdown(), path.display());
    Ok(())
}
