//! The project's own commands, for people and for CI alike.
mod cargo;
mod crash;
mod interrupt;
mod server;
mod workspace;

use clap::Parser;

#[derive(Parser)]
enum Cli {
    /// Kill server and engine under load and count what was acknowledged
    Crash(crash::Args),
}

fn main() -> anyhow::Result<()> {
    interrupt::catch()?;
    match Cli::parse() {
        Cli::Crash(args) => crash::run(args),
    }
}
