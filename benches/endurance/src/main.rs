//! The layer under random events without end, and for long without a server.

mod fuzz;
mod progress;
mod strict;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about)]
enum Cli {
    /// Log random events and compare each line with what was meant
    Fuzz(fuzz::Args),
}

fn main() -> Result<()> {
    match Cli::parse() {
        Cli::Fuzz(args) => fuzz::run(&args),
    }
}
