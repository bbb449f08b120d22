//! The server under load: started on an empty directory, or one that runs already.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::oneshot;
use ureq::Agent;

/// How long a server may take to be ready.
const READY_DEADLINE: Duration = Duration::from_secs(90);

/// How long a server may take to stop before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How long a query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a stopping server is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Where a server listens: what the record `ready` that it prints says besides.
#[derive(Debug, Clone, Deserialize)]
struct Addresses {
    api: String,
    clickhouse: String,
    engine_pid: Option<u32>,
}

/// A server, and its own if it was started here: then it is stopped, and its data deleted, when this is dropped.
#[derive(Debug)]
pub struct Target {
    addresses: Addresses,
    started: Option<Started>,
    agent: Agent,
    /// The password of who may write to ClickHouse.
    password: String,
}

#[derive(Debug)]
struct Started {
    child: Child,
    data: TempDir,
}

impl Target {
    /// Starts `server` on free ports with an empty data directory below the directory for temporary files, and waits
    /// until it is ready. Its log goes to `log`. Dropping the future stops the server.
    ///
    /// # Errors
    /// It does not start, or is not ready in time.
    pub async fn start(server: &Path, log: &Path) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("log-center-bench-").tempdir()?;
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no parent directory")?;
        let mut command = Command::new(std::path::absolute(server)?);
        command.arg("serve").current_dir(root).env("LOG_CENTER_DATA_DIR", data.path().join("data"));
        for listener in ["API", "DASHBOARD", "ENGINE"] {
            command.env(format!("LOG_CENTER_{listener}_ADDR"), "127.0.0.1:0");
        }
        let log_of_stdout = log.try_clone().context("cannot write the log")?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", server.display()))?;
        let mut started = Started { child, data };
        let addresses =
            addresses(started.child.stdout.take().context("no pipe to the server")?, log_of_stdout);
        let addresses = tokio::time::timeout(READY_DEADLINE, addresses)
            .await
            .context("the server was not ready in time")?
            .context("the server ended before it was ready")?;
        let password = password(&started.data.path().join("data/clickhouse.password"))?;
        Ok(Self { addresses, started: Some(started), agent: agent(), password })
    }

    /// A server that runs already. Its password is in the file that `LOG_CENTER_CLICKHOUSE_PASSWORD_FILE` names, or else
    /// in `./data/clickhouse.password`.
    pub fn running(api: String, clickhouse: String) -> Result<Self> {
        let named = std::env::var_os("LOG_CENTER_CLICKHOUSE_PASSWORD_FILE").map(PathBuf::from);
        let password = password(&named.unwrap_or_else(|| PathBuf::from("data/clickhouse.password")))?;
        let addresses = Addresses { api, clickhouse, engine_pid: None };
        Ok(Self { addresses, started: None, agent: agent(), password })
    }

    /// Where the API is, as an address to connect to.
    pub fn api(&self) -> Result<SocketAddr> {
        let host =
            self.addresses.api.strip_prefix("http://").unwrap_or(&self.addresses.api).trim_end_matches('/');
        let mut addresses = host.to_socket_addrs().with_context(|| format!("{host} is no host:port"))?;
        addresses.next().ok_or_else(|| anyhow!("{host} has no address"))
    }

    /// The processes of a server that was started here: itself, then its engine.
    pub fn pids(&self) -> Vec<u32> {
        let server = self.started.iter().map(|started| started.child.id());
        server.chain(self.started.as_ref().and(self.addresses.engine_pid)).collect()
    }

    /// Where the data is, if the server was started here.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.started.as_ref().map(|started| started.data.path().to_owned())
    }

    fn clickhouse(&self) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        self.agent.post(&self.addresses.clickhouse).header("X-ClickHouse-Key", &self.password)
    }

    /// One value that ClickHouse answers to `sql`, as text.
    pub fn query(&self, sql: &str) -> Result<String> {
        let mut answer = self.clickhouse().send(sql)?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status() != 200 {
            bail!("ClickHouse answered {} to {sql}: {}", answer.status(), text.trim());
        }
        Ok(text.trim().to_owned())
    }
}

/// Most bytes of an answer that is held as a whole.
const DOWNLOAD_BYTES: u64 = 1 << 30;

impl Target {
    /// Everything that ClickHouse answers to `sql`.
    pub fn download(&self, sql: &str) -> Result<Vec<u8>> {
        let mut answer = self.clickhouse().send(sql)?;
        let bytes = answer.body_mut().with_config().limit(DOWNLOAD_BYTES).read_to_vec()?;
        if answer.status() != 200 {
            bail!("ClickHouse answered {} to {sql}: {}", answer.status(), String::from_utf8_lossy(&bytes));
        }
        Ok(bytes)
    }

    /// Inserts `rows`, which are in the format that `sql` ends with.
    pub fn insert(&self, sql: &str, rows: &[u8]) -> Result<()> {
        let mut answer = self.clickhouse().query("query", sql).send(rows)?;
        if answer.status() != 200 {
            bail!(
                "ClickHouse answered {} to {sql}: {}",
                answer.status(),
                answer.body_mut().read_to_string()?
            );
        }
        Ok(())
    }

    /// What the API answers to a GET, and after what time.
    pub fn get(&self, path: &str) -> Result<(String, Duration)> {
        let began = Instant::now();
        let mut answer = self.agent.get(format!("{}{path}", self.addresses.api)).call()?;
        let text = answer.body_mut().with_config().limit(DOWNLOAD_BYTES).read_to_string()?;
        let took = began.elapsed();
        if answer.status() != 200 {
            bail!("{} to {path}: {text}", answer.status());
        }
        Ok((text, took))
    }
}

/// The addresses, from the line of `stdout` that has them. Every line goes to the log; the server never writes into a
/// closed pipe.
fn addresses(stdout: ChildStdout, mut log: File) -> oneshot::Receiver<Addresses> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _costs_a_line = writeln!(log, "{line}");
            if let Ok(addresses) = serde_json::from_str(&line)
                && let Some(sender) = sender.take()
            {
                let _nobody_waits_any_more = sender.send(addresses);
            }
        }
    });
    receiver
}

fn password(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(QUERY_TIMEOUT)).build().into()
}

impl Drop for Started {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _already_gone = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(POLL_INTERVAL);
        }
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}
