//! A `log-center serve` (or any of our programs that announces its addresses) as a value: started, awaited, stopped.
//!
//! Every child gets a process group of its own, so that a ^C reaches it once, from here, and so that a test can kill
//! it without killing itself. Dropping the value kills what still runs.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::interrupt;

/// How long a server may take from its start to its line of addresses. The server itself allows its engine two minutes,
/// after a kill with much on disk; it should be the one to say that they are over.
pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(150);

/// How long a server may take to flush and stop after SIGTERM before it is killed.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// Where a server listens: what the record `ready` that it prints says besides.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Addresses {
    /// Base URL of the report and reading API.
    pub(crate) api: String,
    /// Base URL of the dashboard.
    pub(crate) dashboard: String,
    /// Base URL of ClickHouse's HTTP interface.
    pub(crate) clickhouse: String,
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    /// The `log-center` program.
    pub(crate) binary: PathBuf,
    /// Its data directory; the server makes it.
    pub(crate) data_dir: PathBuf,
    /// `false`: every listener takes a free port. `true`: the configured or documented ports.
    pub(crate) documented_ports: bool,
    /// The engine's library; `None` leaves the choice to the server.
    pub(crate) libchdb: Option<PathBuf>,
    /// Further variables, for example `LOG_CENTER_CLICKHOUSE_URL`.
    pub(crate) env: Vec<(String, String)>,
    /// Where the server's log goes; `None` is this program's standard error.
    pub(crate) log: Option<PathBuf>,
}

impl ServerOptions {
    /// A server on free ports that keeps its data in `data_dir` and logs to standard error.
    pub(crate) fn on_free_ports(binary: &Path, data_dir: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data_dir: data_dir.to_owned(),
            documented_ports: false,
            libchdb: None,
            env: Vec::new(),
            log: None,
        }
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        command.arg("serve").env("LOG_CENTER_DATA_DIR", &self.data_dir);
        if !self.documented_ports {
            for listener in ["API", "DASHBOARD", "ENGINE"] {
                command.env(format!("LOG_CENTER_{listener}_ADDR"), "127.0.0.1:0");
            }
        }
        if let Some(path) = &self.libchdb {
            command.env("LOG_CENTER_LIBCHDB", path);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    addresses: Addresses,
}

impl Server {
    /// Starts a server and waits, at most [`READY_DEADLINE`], for the line with its addresses.
    pub(crate) fn start(options: &ServerOptions) -> Result<Self> {
        let log = options.log.as_deref().map(open_log).transpose()?;
        let (process, addresses) = Process::start(options.command()?, READY_DEADLINE, log)?;
        Ok(Self { process, addresses })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The process behind it, to be signalled, watched and stopped.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A child that said where it listens, killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `command` in its own process group and reads what it prints up to the line of JSON by which it says that it
    /// is ready. All other lines, before and after, go to `log` together with its standard error; without one they are
    /// passed through.
    pub(crate) fn start<T: DeserializeOwned>(
        mut command: Command,
        deadline: Duration,
        mut log: Option<File>,
    ) -> Result<(Self, T)> {
        if let Some(file) = &log {
            command.stderr(file.try_clone().context("cannot write the log")?);
        }
        let name = Path::new(command.get_program()).display().to_string();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take();
        let mut process = Self { name, child };
        let lines = follow(stdout.ok_or_else(|| anyhow!("no pipe to {}", process.name))?);
        let until = Instant::now() + deadline;
        let ready = loop {
            let line = process.next_line(&lines, until)?;
            match serde_json::from_str(&line) {
                Ok(ready) => break ready,
                Err(_) => pass_on(&line, log.as_mut()),
            }
        };
        thread::spawn(move || lines.into_iter().for_each(|line| pass_on(&line, log.as_mut())));
        Ok((process, ready))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`; a process that is gone already is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        // A child that was waited for has no pid of its own any more: `try_wait` came first everywhere below.
        let _already_gone = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Its exit status if it ended.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Asks it to stop and waits for that. Killed, and an error, if it takes longer than `deadline` or the user insists.
    pub(crate) fn stop(&mut self, deadline: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(Signal::TERM);
        let until = Instant::now() + deadline;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if interrupt::insisted() || Instant::now() >= until {
                self.kill();
                bail!("{} did not stop cleanly within {} s and was killed", self.name, deadline.as_secs());
            }
            thread::sleep(interrupt::POLL_INTERVAL);
        }
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }

    fn next_line(&mut self, lines: &Receiver<String>, until: Instant) -> Result<String> {
        loop {
            interrupt::check()?;
            match lines.recv_timeout(interrupt::POLL_INTERVAL) {
                Ok(line) => return Ok(line),
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(mpsc::RecvTimeoutError::Timeout) => bail!("{} was not ready in time", self.name),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().context("cannot wait")?;
                    bail!("{} ended before it was ready ({}); its log is above", self.name, explain(status));
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            // A clean stop lets the server take its engine along; what hangs is killed.
            let _dropped_without_a_caller = self.stop(STOP_DEADLINE);
        }
    }
}

/// "exit code 1" or "signal 9".
pub(crate) fn explain(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}

/// Opens a log to append to.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    let file = File::options().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write the log {}", path.display()))
}

fn pass_on(line: &str, log: Option<&mut File>) {
    match log {
        // In one piece, between what others write there. A log that cannot be written costs lines, not the run.
        Some(file) => _ = file.write_all(format!("{line}\n").as_bytes()),
        None => println!("{line}"),
    }
}

/// The lines of `stdout` as they come; the channel closes with the pipe.
fn follow(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The password of who may write to the engine that keeps its data in `data_dir`.
pub(crate) fn password_of(data_dir: &Path) -> Result<String> {
    let mut path = data_dir.as_os_str().to_owned();
    path.push(".password");
    let path = PathBuf::from(path);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}
