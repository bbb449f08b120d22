use std::net::SocketAddr;
use std::path::PathBuf;

use crate::Error;
use crate::site::Hosts;

/// What an operator can set on an engine. Every flag has an environment variable and a default.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Address that answers ClickHouse's HTTP interface; port 0 takes a free one
    #[arg(long, env = "LOG_CENTER_ENGINE_ADDR", default_value = "127.0.0.1:8123", value_name = "IP:PORT")]
    pub addr: SocketAddr,

    /// Directory that holds the databases; made if missing, used by one engine at a time
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_DATA_DIR",
        default_value = "./data/clickhouse",
        value_name = "DIRECTORY"
    )]
    pub data_dir: PathBuf,

    /// File that holds the password of who may write; made with a random one if it does not exist. Default: the data
    /// directory's name with `.password` behind it
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Names of this machine that callers may use, separated by commas; IP addresses and `localhost` always work
    #[arg(
        long,
        env = "LOG_CENTER_HOSTS",
        default_value = "",
        hide_default_value = true,
        value_name = "NAMES"
    )]
    pub hosts: Hosts,

    /// Path of libchdb.so; without it, looked for beside the executable, then in
    /// the pinned version's directory of .tools/libchdb below the current directory
    #[arg(long, env = "LOG_CENTER_LIBCHDB", value_name = "FILE")]
    pub libchdb: Option<PathBuf>,

    /// Resident memory that the process aims to stay within, bytes; statements and caches get three quarters
    /// of it, and a statement that would need more fails with code 241
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_MAX_MEMORY_BYTES",
        default_value_t = 1 << 30,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(MIN_MEMORY_BYTES..)
    )]
    pub max_memory_bytes: u64,

    /// Statements that may run at the same time; more wait in a queue
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_MAX_STATEMENTS",
        default_value_t = 32,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=1024)
    )]
    pub max_statements: u32,

    /// Statements that may wait for their turn; beyond it the answer is code 202, at once
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_MAX_QUEUED_STATEMENTS",
        default_value_t = 256,
        value_name = "COUNT"
    )]
    pub max_queued_statements: u32,

    /// Databases that readers may read and see besides those about ClickHouse itself, separated by commas; the first is the
    /// one that their names without a database belong to. Without it they may read every database
    #[arg(long, env = "LOG_CENTER_ENGINE_READER_DATABASES", value_delimiter = ',', value_name = "NAMES")]
    pub reader_databases: Vec<String>,

    /// Longest time that a statement of the user `reader` may run, seconds
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_READER_MAX_EXECUTION_SECONDS",
        default_value_t = 60,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub reader_max_execution_seconds: u64,

    /// Most memory that one statement of the user `reader` may use, bytes
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_READER_MAX_MEMORY_BYTES",
        default_value_t = 400 << 20,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub reader_max_memory_bytes: u64,

    /// Most rows in one answer to the user `reader`
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_READER_MAX_RESULT_ROWS",
        default_value_t = 10_000_000,
        value_name = "ROWS",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub reader_max_result_rows: u64,

    /// Most bytes (uncompressed, in memory) in one answer to the user `reader`
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_READER_MAX_RESULT_BYTES",
        default_value_t = 1 << 30,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub reader_max_result_bytes: u64,

    /// How long eight statements that were given up may go on; then the engine stops, to be started again, seconds
    #[arg(long, env = "LOG_CENTER_ENGINE_STUCK_SECONDS", default_value_t = 120, value_name = "SECONDS")]
    pub stuck_seconds: u64,

    /// How long to wait for another engine to leave the data directory, seconds
    #[arg(long, env = "LOG_CENTER_ENGINE_LOCK_WAIT_SECONDS", default_value_t = 30, value_name = "SECONDS")]
    pub lock_wait_seconds: u64,

    /// How long a stop waits for running inserts, seconds; then the process ends anyway. The server that started it
    /// kills it after 20
    #[arg(
        long,
        env = "LOG_CENTER_ENGINE_STOP_DEADLINE_SECONDS",
        default_value_t = 12,
        value_name = "SECONDS"
    )]
    pub stop_deadline_seconds: u64,

    /// Stop when standard input ends, which it does when the parent process dies
    #[arg(long)]
    pub parent_pipe: bool,

    /// Listen on an address that is not loopback, although everybody may read without a password
    #[arg(long)]
    pub allow_remote: bool,

    /// Do as on a kernel that has neither seccomp nor Landlock; for tests
    #[arg(long, hide = true)]
    pub without_sandbox: bool,
}

/// Least memory of an engine, bytes: 128 MiB. Below this it cannot even start its own tables.
pub const MIN_MEMORY_BYTES: u64 = 128 << 20;

impl Options {
    /// Refuses what would open the databases, which anybody may read, to the network unasked.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.addr.ip().is_loopback() || self.allow_remote {
            return Ok(());
        }
        Err(Error::new(format!(
            "--addr {} is not a loopback address and whoever reads needs no password; \
             say --allow-remote if that is what you want",
            self.addr
        )))
    }
}
