//! `log-center-engine`: the engine alone, for tests and for running it as a service of its own.

use std::process::ExitCode;

use clap::Parser;
use log_center_engine::Options;
use tracing_subscriber::EnvFilter;

/// ClickHouse behind its own HTTP interface
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    log_center_engine::close_inherited_files();
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("LOG_CENTER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .log_internal_errors(false)
        .init();
    match log_center_engine::leave_environment().and_then(|()| log_center_engine::run(arguments.options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
