//! The embedded ClickHouse as a child process: started, watched, started again, stopped.
//!
//! It is a process of its own because a bad query can exhaust its memory or crash native code; what was
//! acknowledged must not be in the same process. It notices the end of this one by its standard input.

use crate::log;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long the engine may take until it answers: it waits for an earlier one to end, and reads what is on disk.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often an engine that is killed while it starts is started at the server's own start.
const START_ATTEMPTS: u32 = 10;

/// How long an engine that was stopped may take to finish its inserts before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How long to read on for the last lines of an engine that has ended. Another process may hold its output open.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause before the first restart; twice as long after each one that did not last.
const RESTART_MIN: Duration = Duration::from_millis(50);

/// The longest pause before a restart.
const RESTART_MAX: Duration = Duration::from_secs(5);

/// How to start an engine.
#[derive(Debug, Clone)]
pub struct EngineCommand {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its data.
    pub data_dir: PathBuf,
    /// The library, if it is not at one of the usual places.
    pub libchdb: Option<PathBuf>,
    /// The file with the password of who may write, if it is not beside the data.
    pub password_file: Option<PathBuf>,
    /// Its memory.
    pub memory_bytes: Option<u64>,
    /// Whether it may listen where other machines reach it.
    pub allow_remote: bool,
}

/// A running engine and the task that keeps it running.
pub struct EngineChild {
    /// Where it listens.
    pub addr: SocketAddr,
    pid: watch::Receiver<u32>,
    stop: watch::Sender<bool>,
    watcher: JoinHandle<()>,
}

/// A process, and what tells it by its end to stop. The two are apart because waiting for a child closes what of its
/// standard input it still holds.
struct Running {
    child: Child,
    parent_pipe: ChildStdin,
    /// Passes its log on, to its end.
    log: JoinHandle<()>,
}

/// Somebody killed the engine while it started.
#[derive(Debug)]
struct Killed(ExitStatus);

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the engine was killed before it answered ({})", self.0)
    }
}

impl std::error::Error for Killed {}

/// The line that the engine prints when it answers.
#[derive(Deserialize)]
struct Listening {
    listening: SocketAddr,
}

impl EngineChild {
    /// Starts the engine and waits until it answers.
    ///
    /// # Errors
    /// It ended by itself before that; its own words are in the log. One that was killed is started again.
    pub async fn start(command: EngineCommand) -> anyhow::Result<Self> {
        let mut attempt = 1;
        let (running, addr) = loop {
            match command.spawn().await {
                Err(error) if error.is::<Killed>() && attempt < START_ATTEMPTS => {
                    tracing::warn!(error = format!("{error:#}"), "the engine is started again");
                    attempt += 1;
                }
                outcome => break outcome?,
            }
        };
        // A restart takes the same port, whoever chose it.
        let command = EngineCommand { addr, ..command };
        let (stop, stopped) = watch::channel(false);
        let (pid_sender, pid) = watch::channel(running.child.id().unwrap_or(0));
        let watcher = tokio::spawn(keep_running(command, running, pid_sender, stopped));
        Ok(Self { addr, pid, stop, watcher })
    }

    /// The process as it is now.
    pub fn pid(&self) -> u32 {
        *self.pid.borrow()
    }

    /// Stops it and waits for its end.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.watcher.await.is_err() {
            tracing::error!("the task that watches the engine panicked");
        }
    }
}

impl EngineCommand {
    async fn spawn(&self) -> anyhow::Result<(Running, SocketAddr)> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.arg("engine").arg("--parent-pipe");
        command.arg("--addr").arg(self.addr.to_string()).arg("--data-dir").arg(&self.data_dir);
        if let Some(libchdb) = &self.libchdb {
            command.arg("--libchdb").arg(libchdb);
        }
        if let Some(file) = &self.password_file {
            command.arg("--password-file").arg(file);
        }
        if let Some(bytes) = self.memory_bytes {
            command.arg("--max-memory-bytes").arg(bytes.to_string());
        }
        if self.allow_remote {
            command.arg("--allow-remote");
        }
        // Its own process group: a ^C at the terminal is for this process, which then stops the engine in order.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the engine")?;
        let parent_pipe = child.stdin.take().context("the engine has no standard input")?;
        let stdout = child.stdout.take().context("the engine has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = match timeout(START_TIMEOUT, listening(&mut lines)).await {
            Err(_) => bail!("the engine did not answer within {} s", START_TIMEOUT.as_secs()),
            Ok(found) => found.context("cannot read what the engine says")?,
        };
        let Some(listening) = listening else {
            let status = child.wait().await.context("cannot wait for the engine")?;
            if status.signal().is_some() {
                return Err(Killed(status).into());
            }
            bail!("the engine ended before it answered ({status}); the lines above say why");
        };
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                log::pass_on(line);
            }
        });
        Ok((Running { child, parent_pipe, log }, listening))
    }
}

/// Reads up to the line that says where the engine listens, and passes on what it logs before. `None`: it ended.
async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> std::io::Result<Option<SocketAddr>> {
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str::<Listening>(&line) {
            Ok(found) => return Ok(Some(found.listening)),
            Err(_) => log::pass_on(line),
        }
    }
    Ok(None)
}

async fn keep_running(
    command: EngineCommand,
    mut running: Running,
    pid: watch::Sender<u32>,
    stopped: watch::Receiver<bool>,
) {
    let mut pause = RESTART_MIN;
    loop {
        let started = Instant::now();
        tokio::select! {
            status = running.child.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                tracing::warn!(%status, "the engine ended; starting it again");
            }
            () = told_to_stop(&stopped) => return stop(running).await,
        }
        if started.elapsed() > RESTART_MAX {
            pause = RESTART_MIN;
        }
        running = tokio::select! {
            running = start_again(&command, &mut pause) => running,
            () = told_to_stop(&stopped) => return,
        };
        pid.send_replace(running.child.id().unwrap_or(0));
        metrics::counter!("log_center_engine_restarts_total").increment(1);
        tracing::info!(pid = running.child.id(), "the engine runs again");
    }
}

async fn start_again(command: &EngineCommand, pause: &mut Duration) -> Running {
    loop {
        sleep(*pause).await;
        *pause = (*pause * 2).min(RESTART_MAX);
        match command.spawn().await {
            Ok((running, _)) => return running,
            Err(error) => tracing::error!(error = format!("{error:#}"), "the engine does not start"),
        }
    }
}

async fn told_to_stop(stopped: &watch::Receiver<bool>) {
    // An error means that its owner is gone without a word: then it is time to stop, too.
    _ = stopped.clone().wait_for(|stopped| *stopped).await;
}

/// The end of its standard input tells the engine to stop.
async fn stop(running: Running) {
    let Running { mut child, parent_pipe, mut log } = running;
    drop(parent_pipe);
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        tracing::error!("the engine did not stop in time and is killed; what it acknowledged is on disk");
        if let Err(error) = child.kill().await {
            tracing::error!(%error, "the engine cannot be killed");
        }
    }
    // Its last words are in the pipe by now.
    _ = timeout(LAST_WORDS_TIMEOUT, &mut log).await;
}
