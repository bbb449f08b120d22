//! The project's own commands, for people and for CI alike. `cargo xtask up` is where to start.
mod cargo;
mod child;
mod crash;
mod demo;
mod interrupt;
mod libchdb;
mod nginx;
mod npm;
mod server;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Exit code of a program that was stopped by ^C, as shells expect it.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands", version)]
enum Cli {
    /// Fetch what is missing, build, and run the server until ^C
    Up(up::Args),
    /// Run every test there is, phase by phase
    Test(test::Args),
    /// Run the server, three services that log through the layer, and customers for them, until ^C
    Demo(up::Args),
    /// Kill server and engine under load and count what was acknowledged
    Crash(crash::Args),
    /// Take ClickHouse away for a while and count what was answered meanwhile
    Outage(crash::outage::Args),
    /// Damage the files of a server that is down, again and again, and count what was acknowledged
    Damage(crash::damage::Args),
    /// Fill the disk of a running server at random moments and count what was acknowledged
    Disk(crash::disk::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match interrupt::catch().and_then(|()| run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<interrupt::Interrupted>() => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli {
        Cli::Up(args) => up::run(&args),
        Cli::Test(args) => test::run(&args),
        Cli::Demo(args) => demo::run(&args),
        Cli::Crash(args) => crash::run(args),
        Cli::Outage(args) => crash::outage::run(args),
        Cli::Damage(args) => crash::damage::run(args),
        Cli::Disk(args) => crash::disk::run(args),
    }
}
