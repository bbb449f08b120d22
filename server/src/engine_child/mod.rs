//! The embedded ClickHouse as a child process: started, watched, started again, stopped.
//!
//! It is a process of its own because a bad query can exhaust its memory or crash native code; what was
//! acknowledged must not be in the same process. It notices the end of this one by its standard input.

mod leftovers;
mod metadata;
mod output;
mod probe;

use crate::log;
use anyhow::{Context, bail};
use log_center_engine::passes_variable;
use log_center_engine::site::Hosts;
use output::Output;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

pub(crate) use metadata::keep as keep_descriptions;

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
    /// This program's own file, which is also the engine.
    pub program: PathBuf,
    /// After how long without any answer it is taken for hung, killed and started again.
    pub hung_after: Duration,
    /// Where it listens.
    pub addr: SocketAddr,
    /// The names of this machine.
    pub hosts: Hosts,
    /// The database that readers may read.
    pub database: String,
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
    control: EngineControl,
    watcher: JoinHandle<()>,
}

/// Stops the engine for a while. Cheap to clone.
#[derive(Clone)]
pub struct EngineControl(mpsc::Sender<Pause>);

/// Work for the time when the engine is down, and who waits until it is up again.
struct Pause {
    work: Box<dyn FnOnce() + Send>,
    done: oneshot::Sender<()>,
}

/// The engine is being stopped for good, or its watcher is gone; the work may not have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStopped;

impl fmt::Display for EngineStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the engine is being stopped for good")
    }
}

impl std::error::Error for EngineStopped {}

impl EngineControl {
    /// Stops the engine in order, does the work on a thread that may block, and starts the engine again. Returns when it
    /// answers. What reads or writes meanwhile fails as if ClickHouse were away.
    ///
    /// # Errors
    /// The server is stopping.
    pub async fn while_stopped(&self, work: impl FnOnce() + Send + 'static) -> Result<(), EngineStopped> {
        let (done, is_done) = oneshot::channel();
        let pause = Pause { work: Box::new(work), done };
        self.0.send(pause).await.map_err(|_| EngineStopped)?;
        is_done.await.map_err(|_| EngineStopped)
    }
}

/// A process, and what tells it by its end to stop. The two are apart because waiting for a child closes what of its
/// standard input it still holds.
struct Running {
    child: Child,
    parent_pipe: UnixStream,
    /// Pass its log on, to its end.
    logs: [JoinHandle<()>; 2],
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
        let (pauses, asked) = mpsc::channel(1);
        let watcher = tokio::spawn(keep_running(command, running, pid_sender, stopped, asked));
        Ok(Self { addr, pid, stop, control: EngineControl(pauses), watcher })
    }

    /// The process as it is now.
    pub fn pid(&self) -> u32 {
        *self.pid.borrow()
    }

    /// A handle for those who need the engine to be down for a while.
    pub fn control(&self) -> EngineControl {
        self.control.clone()
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
        let mut command = Command::new(&self.program);
        command.arg("engine").arg("--parent-pipe");
        command.arg("--reader-databases").arg(&self.database);
        command.arg("--addr").arg(self.addr.to_string()).arg("--data-dir").arg(&self.data_dir);
        command.arg("--hosts").arg(self.hosts.to_string());
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
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| passes_variable(name)));
        // Its own process group: a ^C at the terminal is for this process, which then stops the engine in order.
        // Not a pipe: that could be opened again, by a statement too, under its name in `/proc`.
        let (parent_pipe, standard_input) =
            UnixStream::pair().context("cannot make the engine's standard input")?;
        command.stdin(Stdio::from(OwnedFd::from(standard_input)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        leftovers::remove(&self.data_dir);
        metadata::restore(&self.data_dir);
        let mut child = command.spawn().context("cannot start the engine")?;
        let stdout = child.stdout.take().context("the engine has no standard output")?;
        let stderr = child.stderr.take().context("the engine has no standard error")?;
        let errors = tokio::spawn(Output::new(BufReader::new(stderr), log::pass_on_error).pass_all());
        let mut output = Output::new(BufReader::new(stdout), log::pass_on);
        let listening = match timeout(START_TIMEOUT, listening(&mut output)).await {
            Err(_) => {
                // Nothing may be left behind that holds the data directory against the next attempt.
                child.kill().await.context("an engine that does not answer cannot be killed")?;
                bail!("the engine did not answer within {} s and was killed", START_TIMEOUT.as_secs());
            }
            Ok(found) => found.context("cannot read what the engine says")?,
        };
        let Some(listening) = listening else {
            // One that closed its output without ending is of no use either.
            let status = match timeout(STOP_TIMEOUT, child.wait()).await {
                Ok(status) => status,
                Err(_) => child.kill().await.and(child.wait().await),
            };
            let status = status.context("cannot wait for the engine")?;
            _ = timeout(LAST_WORDS_TIMEOUT, errors).await;
            if status.signal().is_some() {
                return Err(Killed(status).into());
            }
            bail!("the engine ended before it answered ({status}); the lines above say why");
        };
        let logs = [errors, tokio::spawn(output.pass_all())];
        Ok((Running { child, parent_pipe, logs }, listening))
    }
}

/// Reads up to the line that says where the engine listens, and passes on what it logs before. `None`: it ended.
async fn listening(output: &mut Output<BufReader<ChildStdout>>) -> std::io::Result<Option<SocketAddr>> {
    while let Some(line) = output.next_line().await? {
        match serde_json::from_str::<Listening>(&line) {
            Ok(found) => return Ok(Some(found.listening)),
            Err(_) => output.pass_on(line),
        }
    }
    Ok(None)
}

async fn keep_running(
    command: EngineCommand,
    mut running: Running,
    pid: watch::Sender<u32>,
    stopped: watch::Receiver<bool>,
    mut pauses: mpsc::Receiver<Pause>,
) {
    let mut pause = RESTART_MIN;
    loop {
        let started = Instant::now();
        let mut done = None;
        tokio::select! {
            status = running.child.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                tracing::warn!(%status, "the engine ended; starting it again");
            }
            probe = probe::until_hung(command.addr, command.hung_after) => {
                tracing::error!(
                    probe,
                    seconds = command.hung_after.as_secs(),
                    "the engine runs but has not answered for too long; it is killed and started again"
                );
                metrics::counter!("log_center_engine_hung_total").increment(1);
                kill(&mut running.child).await;
            }
            Some(asked) = pauses.recv() => {
                tracing::warn!("the engine is stopped for work on its files");
                stop(running).await;
                if tokio::task::spawn_blocking(asked.work).await.is_err() {
                    tracing::error!("the work on the files of the engine panicked");
                }
                done = Some(asked.done);
            }
            () = told_to_stop(&stopped) => return stop(running).await,
        }
        if done.is_some() || started.elapsed() > RESTART_MAX {
            pause = RESTART_MIN;
        }
        running = tokio::select! {
            running = start_again(&command, &mut pause) => running,
            () = told_to_stop(&stopped) => return,
        };
        pid.send_replace(running.child.id().unwrap_or(0));
        metrics::counter!("log_center_engine_restarts_total").increment(1);
        tracing::info!(pid = running.child.id(), "the engine runs again");
        // Whoever asked for it may be gone by now.
        done.map(|done| done.send(()));
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
    let Running { mut child, parent_pipe, logs } = running;
    drop(parent_pipe);
    if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
        tracing::error!("the engine did not stop in time and is killed; what it acknowledged is on disk");
        kill(&mut child).await;
    }
    // Its last words are in the pipes by now.
    for log in logs {
        _ = timeout(LAST_WORDS_TIMEOUT, log).await;
    }
}

/// Ends it at once and waits for that.
async fn kill(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::error!(%error, "the engine cannot be killed");
    }
}
