//! `log-center`: the server, the engine that it starts, and the commands that talk to it.

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};
use log_center_cli::{self as cli, Ending};
use log_center_engine as engine;
use log_center_server::config::ServeArgs;
use log_center_server::log;
use log_center_server::print_schema::{self, SchemaArgs};
use log_center_server::serve::serve;
use log_center_server::variables;
use std::process::ExitCode;
use std::time::Duration;

/// Requests make and drop many small buffers on many threads, which is where the system's allocator is slow: a quarter of
/// the processor time of a report, measured. This one also gives back what a burst took: under 400,000 records a second the
/// server stays below 230 MB with it, and took 570 MB with mimalloc, at the same speed.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long the log may take to be written before the engine leaves its environment.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

/// Keeps every event in ClickHouse and folds millions of errors into a few issues.
#[derive(Parser)]
#[command(name = "log-center", version, about)]
struct Cli {
    /// What is logged, e.g. `info`, `warn,log_center_server=debug`: by the server to standard output, by commands to
    /// standard error.
    #[arg(long, global = true, env = "LOG_CENTER_LOG", default_value = "info", value_name = "FILTER")]
    log: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of them, and it is moved once")]
enum Command {
    /// Run the server: the API, the dashboard, and ClickHouse unless --clickhouse-url names one.
    Serve(Box<ServeArgs>),
    /// Run only the embedded ClickHouse behind its HTTP interface.
    Engine(engine::Options),
    /// Print the statements that make the tables and views in ClickHouse.
    Schema(SchemaArgs),
    #[command(flatten)]
    Client(cli::Command),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(error),
    };
    if cli.log.trim().is_empty() {
        return failed("--log (LOG_CENTER_LOG) is empty; give it a filter such as `info`, or leave it out");
    }
    if matches!(cli.command, Command::Engine(_)) {
        engine::close_inherited_files();
    }
    let log = match &cli.command {
        Command::Serve(_) => log::of_server(&cli.log).map(Some),
        Command::Engine(_) => log::of_engine(&cli.log).map(Some),
        Command::Schema(_) | Command::Client(_) => log::of_command(&cli.log).map(|()| None),
    };
    // Until the end.
    let log = match log {
        Ok(guard) => guard,
        Err(error) => return failed(&format!("--log (LOG_CENTER_LOG) cannot be used: {error:#}")),
    };
    match &cli.command {
        // The engine that a server starts has the server's variables, which were looked at there.
        Command::Engine(options) if options.parent_pipe => {}
        Command::Serve(_) | Command::Engine(_) => variables::warn_of_unknown(&Cli::command()),
        Command::Schema(_) | Command::Client(_) => {}
    }
    if matches!(cli.command, Command::Engine(_)) {
        // It may start this program again, in which nothing of this log is left.
        log.as_ref().map(|log| log.flush(LOG_PATIENCE));
        if let Err(error) = engine::leave_environment() {
            return failed(&error.to_string());
        }
    }
    let outcome = match cli.command {
        Command::Serve(args) => run_server(*args).map(|()| Ending::Done).inspect_err(last_words),
        // Before any other thread: its sandbox holds for the calling thread and for what that one starts.
        Command::Engine(options) => {
            engine::run(options).map(|()| Ending::Done).map_err(anyhow::Error::from).inspect_err(last_words)
        }
        Command::Schema(args) => {
            let printed = print_schema::run(&args).map(|()| Ending::Done);
            cli::forgive_closed(printed.map_err(anyhow::Error::from))
        }
        Command::Client(command) => cli::run(command, Cli::command()),
    };
    match outcome {
        Ok(ending) => ending.into(),
        Err(error) => failed(&format!("{error:#}")),
    }
}

/// What is wrong with the command line, or with a variable that stands for an option: its name is said, too.
#[expect(clippy::print_stderr, reason = "the last word of a command line program")]
fn misread(error: clap::Error) -> ExitCode {
    // A closed output is no reason to say more.
    _ = error.print();
    if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && let Some(variable) = variables::of_option(&Cli::command(), option)
        && std::env::var_os(&variable).is_some()
    {
        eprintln!(
            "The variable {variable} is set; it stands for this option where the command line does not say it."
        );
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn run_server(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.resolve()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(config));
    // What still blocks a thread by now has had its time.
    runtime.shutdown_background();
    outcome
}

/// For whoever reads only the log.
fn last_words(error: &anyhow::Error) {
    log_center::fatal!(reason = format!("{error:#}"), "cannot go on");
}

#[expect(clippy::print_stderr, reason = "the last word of a command line program")]
fn failed(reason: &str) -> ExitCode {
    eprintln!("log-center: {reason}");
    ExitCode::FAILURE
}
