//! The layer under random events without end, and for long without a server.

mod fuzz;
mod progress;
mod soak;
mod strict;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about)]
enum Cli {
    /// Log random events and compare each line with what was meant
    Fuzz(fuzz::Args),
    /// Log at full speed while there is no server, and watch the memory and the counters
    Soak(soak::Args),
}

fn main() -> Result<()> {
    match Cli::parse() {
        Cli::Fuzz(args) => fuzz::run(&args),
        Cli::Soak(args) => soak::run(&args),
    }
}
