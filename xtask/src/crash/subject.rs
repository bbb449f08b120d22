//! The server under test: started, struck, started again, and in the end gone with everything it left.

use std::collections::BTreeSet;
use std::fs;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::client::Address;
use super::plan::Victim;
use super::witness::Witness;
use crate::interrupt;
use crate::server::{READY_DEADLINE, STOP_DEADLINE, Server, ServerOptions, password_of};

/// How long an engine whose server is gone may take to finish and end by itself.
const ORPHAN_DEADLINE: Duration = Duration::from_secs(20);

/// A server that is killed again and again.
#[derive(Debug)]
pub(super) struct Subject {
    options: ServerOptions,
    state: State,
    address: Address,
    engines: BTreeSet<i32>,
}

#[derive(Debug)]
enum State {
    Down,
    Starting(JoinHandle<Result<Server>>),
    Running(Server),
}

impl Subject {
    /// A server with these options, not started yet.
    pub(super) fn new(options: ServerOptions) -> Self {
        Self::at(options, Address::default())
    }

    /// The same, for those who know its address already.
    pub(super) fn at(options: ServerOptions, address: Address) -> Self {
        Self { options, state: State::Down, address, engines: BTreeSet::new() }
    }

    /// Where it listens, kept up to date over all restarts.
    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// Starts the server in the background.
    pub(super) fn begin_start(&mut self) {
        let (options, address) = (self.options.clone(), self.address.clone());
        self.state = State::Starting(thread::spawn(move || {
            let server = Server::start(&options)?;
            address.set(Some(server.addresses().api.clone()));
            Ok(server)
        }));
    }

    /// Waits until the server is ready and its ClickHouse answers.
    pub(super) fn recovered(&mut self, complaints: &mut Vec<String>) -> Result<Witness> {
        self.running_again(complaints)?;
        self.answering()
    }

    /// Waits until the server is ready. A server that gives up is started once more: with a complaint, because it has to come
    /// back by itself whatever happens to its engine.
    pub(super) fn running_again(&mut self, complaints: &mut Vec<String>) -> Result<()> {
        let Err(error) = self.running() else { return Ok(()) };
        interrupt::check()?;
        complaints.push(format!("the server gave up: {error:#}"));
        self.begin_start();
        self.running()
    }

    /// Waits until the server is ready, and fails if it gives up.
    pub(super) fn running(&mut self) -> Result<()> {
        let server = self.started()?;
        self.state = State::Running(server);
        Ok(())
    }

    /// Waits until the ClickHouse of a server that is ready answers.
    pub(super) fn answering(&mut self) -> Result<Witness> {
        let State::Running(server) = &mut self.state else { bail!("the server was not started") };
        if let Some(status) = server.process().ended()? {
            bail!("the server ended by itself: {}", crate::server::explain(status));
        }
        let password = password_of(&self.options.data_dir.join("clickhouse"))?;
        let witness =
            Witness::new(&server.addresses().clickhouse, password).beside_server(&server.addresses().api);
        let deadline = Instant::now() + READY_DEADLINE;
        interrupt::poll(deadline, || witness.is_up().then_some(())).ok_or_else(|| {
            interrupt::check().err().unwrap_or_else(|| anyhow!("the engine did not come back"))
        })?;
        self.note_engines()?;
        Ok(witness)
    }

    /// Sends SIGKILL to `victim`, in whatever state it is, and starts the server again if it was hit. `false`: there was
    /// nobody to hit.
    pub(super) fn strike(&mut self, victim: Victim) -> Result<bool> {
        if victim == Victim::Engine {
            return self.signal_engines(Signal::KILL);
        }
        self.take_down(victim)?;
        self.begin_start();
        Ok(true)
    }

    /// Sends a signal to the engine. `false`: there is none.
    pub(super) fn signal_engines(&mut self, signal: Signal) -> Result<bool> {
        self.note_engines()?;
        let engines = self.engine_pids()?;
        engines.iter().for_each(|pid| _ = kill_process(*pid, signal));
        Ok(!engines.is_empty())
    }

    /// Sends SIGKILL to the server, and to its engine if `victim` says so.
    pub(super) fn take_down(&mut self, victim: Victim) -> Result<()> {
        self.note_engines()?;
        let engines = self.engine_pids()?;
        self.address.set(None);
        // The server first: it must not get the chance to start another engine.
        match std::mem::replace(&mut self.state, State::Down) {
            State::Running(mut server) => server.process().kill(),
            State::Starting(starting) => {
                self.starting_servers()?.into_iter().for_each(kill);
                // Killed in the middle of its start it is an error, killed right after it is not.
                drop(joined(starting));
                self.address.set(None);
            }
            State::Down => {}
        }
        if victim == Victim::Both {
            engines.into_iter().for_each(kill);
        }
        Ok(())
    }

    /// Stops the server in the orderly way.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.address.set(None);
        let mut server = self.started()?;
        let status = server.process().stop(STOP_DEADLINE)?;
        if !status.success() {
            bail!("the server did not end cleanly: {}", crate::server::explain(status));
        }
        Ok(())
    }

    /// Waits until every engine that ever ran is gone.
    pub(super) fn no_engine_left(&self) -> Result<()> {
        let alive = || self.engines.iter().filter_map(|pid| Pid::from_raw(*pid)).find(|pid| is_engine(*pid));
        let gone = interrupt::poll(Instant::now() + ORPHAN_DEADLINE, || alive().is_none().then_some(()));
        match (gone, alive()) {
            (None, Some(pid)) => {
                kill(pid);
                bail!("engine {pid} outlived its server by {} s and was killed", ORPHAN_DEADLINE.as_secs())
            }
            _ => Ok(()),
        }
    }

    fn started(&mut self) -> Result<Server> {
        match std::mem::replace(&mut self.state, State::Down) {
            State::Starting(starting) => joined(starting),
            State::Running(server) => Ok(server),
            State::Down => bail!("the server was not started"),
        }
    }

    fn engine_pids(&mut self) -> Result<Vec<Pid>> {
        let servers = match &mut self.state {
            State::Down => Vec::new(),
            State::Starting(_) => self.starting_servers()?,
            State::Running(server) => {
                Pid::from_raw(server.process().id().cast_signed()).into_iter().collect()
            }
        };
        let mut engines = Vec::new();
        for server in servers {
            engines.extend(children(server)?);
        }
        Ok(engines)
    }

    /// The process of a server that is being started: only the thread that does so has its id yet.
    fn starting_servers(&self) -> Result<Vec<Pid>> {
        let own = format!("LOG_CENTER_DATA_DIR={}", self.options.data_dir.display());
        let mut servers = children(rustix::process::getpid())?;
        servers.retain(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == own.as_bytes())
        });
        Ok(servers)
    }

    fn note_engines(&mut self) -> Result<()> {
        let engines = self.engine_pids()?;
        self.engines.extend(engines.iter().map(|pid| pid.as_raw_nonzero().get()));
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // A failed or interrupted run: nothing of it may stay behind, and nothing is worth a clean stop.
        let engines = self.engine_pids().unwrap_or_default();
        match std::mem::replace(&mut self.state, State::Down) {
            State::Running(mut server) => server.process().kill(),
            State::Starting(starting) => {
                self.starting_servers().unwrap_or_default().into_iter().for_each(kill);
                drop(joined(starting));
            }
            State::Down => {}
        }
        let known = self.engines.iter().filter_map(|pid| Pid::from_raw(*pid));
        known.chain(engines).filter(|pid| is_engine(*pid)).for_each(kill);
    }
}

fn joined(starting: JoinHandle<Result<Server>>) -> Result<Server> {
    starting.join().map_err(|_| anyhow!("the thread that starts the server panicked"))?
}

fn kill(pid: Pid) {
    let _already_gone = kill_process(pid, Signal::KILL);
}

/// Whether `pid` is alive and (still) one of our engines.
fn is_engine(pid: Pid) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    test_kill_process(pid).is_ok() && command.split(|byte| *byte == 0).any(|word| word == b"engine")
}

/// The living children of `parent`, from `/proc`.
fn children(parent: Pid) -> Result<Vec<Pid>> {
    let processes = fs::read_dir("/proc").context("this command needs Linux: cannot read /proc")?;
    let names = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(names.filter_map(Pid::from_raw).filter(|pid| parent_of(*pid) == Some(parent)).collect())
}

/// The parent of `pid` if it lives; a zombie has nobody to kill any more.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything, a parenthesis too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok().and_then(Pid::from_raw)?;
    (state != "Z").then_some(parent)
}
