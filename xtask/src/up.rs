//! `cargo xtask up`: from a fresh clone to a running server.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;

use anyhow::{Result, bail};

use crate::cargo::{self, Program};
use crate::server::{Addresses, STOP_DEADLINE, Server, ServerOptions, explain};
use crate::{interrupt, libchdb, workspace};

/// How to run the server.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build with optimisations: minutes longer to build, several times faster to run
    #[arg(long)]
    release: bool,
    /// Take free ports instead of 8002, 8003 and 8123, for a second server beside the first
    #[arg(long)]
    free_ports: bool,
    /// Where the server keeps everything [default: ./data of the project, or LOG_CENTER_DATA_DIR]
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Fetches, builds and runs the server until ^C or until it ends by itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut server = start(args, None)?;
    print_where_and_what_next(server.addresses());
    while !interrupt::requested() {
        if let Some(status) = server.process().ended()? {
            bail!("the server ended by itself ({}); its log is above", explain(status));
        }
        thread::sleep(interrupt::POLL_INTERVAL);
    }
    stop(&mut server)
}

/// Fetches what is missing, builds the server and starts it. Its log goes to a file, or to this program's output.
pub(crate) fn start(args: &Args, log: Option<PathBuf>) -> Result<Server> {
    let library = libchdb::ensure_present()?;
    interrupt::check()?;
    let binary = cargo::build(Program::Server, args.release)?;
    interrupt::check()?;
    let data_dir = args
        .data_dir
        .clone()
        .or_else(|| std::env::var_os("LOG_CENTER_DATA_DIR").map(PathBuf::from))
        .unwrap_or_else(|| workspace::root().join("data"));
    let mut options = ServerOptions::on_free_ports(&binary, &data_dir);
    options.documented_ports = !args.free_ports;
    options.libchdb = library;
    options.log = log;
    println!("starting the server on {}", data_dir.display());
    Server::start(&options)
}

/// Passes the wish to stop on and waits for the clean end.
pub(crate) fn stop(server: &mut Server) -> Result<()> {
    println!("\nstopping the server (^C again: at once)");
    let status: ExitStatus = server.process().stop(STOP_DEADLINE)?;
    if !status.success() {
        bail!("the server did not end cleanly: {}; its log is above", explain(status));
    }
    println!("stopped");
    Ok(())
}

fn print_where_and_what_next(addresses: &Addresses) {
    let Addresses { api, dashboard, clickhouse } = addresses;
    println!(
        r#"
  API         {api}     (try it out in the browser: {api}/docs)
  Dashboard   {dashboard}
  ClickHouse  {clickhouse}

Report an error from another terminal; the second time it is a duplicate:

  curl {api}/api/v1/logs/report -H 'Content-Type: application/json' -d '{{
    "project_id": "shop", "environment": "development", "level": "ERROR",
    "error": {{"type": "ValueError", "message": "not a number: abc", "file_path": "shop/cart.py", "line_number": 42,
              "stack_trace": ["File \"shop/cart.py\", line 42, in add", "ValueError: not a number: abc"]}}}}'

Ask for it:

  curl {api}/api/v1/issues
  curl {clickhouse} --data 'SELECT id, type, message, count FROM log_center.issues FORMAT PrettyCompact'

^C stops the server.
"#
    );
}
