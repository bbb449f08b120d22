//! The servers under test: one with an engine of its own, and others that write to that engine.

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::client::Address;
use super::expired;
use super::place::Place;
use super::plan::Victim;
use super::subject::Subject;
use super::witness::Witness;
use crate::server::{ServerOptions, password_of};

/// All of them.
#[derive(Debug)]
pub(super) struct Servers {
    first: Subject,
    others: Others,
}

/// Those that write to the engine of the first.
#[derive(Debug)]
struct Others {
    subjects: Vec<Subject>,
    /// How each is started. The password of the engine is known after the first start of the first server only.
    options: Vec<ServerOptions>,
    addresses: Vec<Address>,
    engine_addr: String,
    engine_dir: PathBuf,
}

impl Servers {
    /// So many servers, none of them started yet.
    pub(super) fn new(place: &Place, count: u16) -> Result<Self> {
        let engine_addr = free_address()?;
        let mut options = place.options();
        let (name, rules) = expired::RETENTION;
        options.env.push((name.to_owned(), rules.to_owned()));
        let engine_dir = options.data_dir.join("clickhouse");
        let other = |id: u16| {
            let mut options = options.clone();
            options.data_dir = place.path().join(format!("data-{id}"));
            options.env.push(("LOG_CENTER_SERVER_ID".to_owned(), id.to_string()));
            options
        };
        let others = Others {
            subjects: Vec::new(),
            options: (1..count).map(other).collect(),
            addresses: (1..count).map(|_| Address::default()).collect(),
            engine_addr: engine_addr.clone(),
            engine_dir,
        };
        // The others have to find it again after each of its starts.
        options.env.push(("LOG_CENTER_ENGINE_ADDR".to_owned(), engine_addr));
        Ok(Self { first: Subject::new(options), others })
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        1 + self.others.options.len() as u64
    }

    /// Where the server of this reporter listens.
    pub(super) fn address_of(&self, reporter: u16) -> Address {
        match usize::from(reporter) % (1 + self.others.options.len()) {
            0 => self.first.address(),
            other => self.others.addresses[other - 1].clone(),
        }
    }

    /// Starts all of them and waits until they are ready.
    pub(super) fn start(&mut self, complaints: &mut Vec<String>) -> Result<Witness> {
        self.first.begin_start();
        self.first.running_again(complaints)?;
        self.others.begin_start()?;
        self.recovered(complaints)
    }

    /// Waits until all are ready and ClickHouse answers.
    pub(super) fn recovered(&mut self, complaints: &mut Vec<String>) -> Result<Witness> {
        let witness = self.first.recovered(complaints)?;
        self.others.subjects.iter_mut().try_for_each(|other| other.running_again(complaints))?;
        Ok(witness)
    }

    /// Sends SIGKILL, see [`Subject::strike`]. Which of several others it hits depends on the round.
    pub(super) fn strike(&mut self, victim: Victim, round: u32) -> Result<bool> {
        if victim != Victim::Other {
            return self.first.strike(victim);
        }
        let at = round as usize % self.others.subjects.len().max(1);
        self.others.subjects.get_mut(at).map_or(Ok(false), |other| other.strike(Victim::Server))
    }

    /// Stops all in the orderly way: those first whose engine is not their own.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.others.subjects.iter_mut().try_for_each(Subject::stop)?;
        self.first.stop()
    }

    /// Waits until every engine that ever ran is gone.
    pub(super) fn no_engine_left(&self) -> Result<()> {
        self.first.no_engine_left()
    }
}

impl Others {
    fn begin_start(&mut self) -> Result<()> {
        if self.subjects.is_empty() && !self.options.is_empty() {
            let url = format!("http://default:{}@{}", password_of(&self.engine_dir)?, self.engine_addr);
            for (options, address) in self.options.iter().zip(&self.addresses) {
                let mut options = options.clone();
                options.env.push(("LOG_CENTER_CLICKHOUSE_URL".to_owned(), url.clone()));
                self.subjects.push(Subject::at(options, address.clone()));
            }
        }
        self.subjects.iter_mut().for_each(Subject::begin_start);
        Ok(())
    }
}

/// An address that is free at the moment. Ports that the system gives out are not soon given again.
fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}
