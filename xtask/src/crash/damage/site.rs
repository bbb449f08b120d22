//! A server with its data: started after damage, drained, and compared with what it acknowledged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::super::ledger::Ledger;
use super::super::payload::Id;
use super::super::subject::Subject;
use super::super::witness::Witness;
use super::state::State;
use crate::interrupt;

/// How long what was acknowledged and is not lost may take until it is in ClickHouse.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How often a server may refuse one after another before it counts as stuck: the words may lead to the next ones.
const REFUSALS_AT_MOST: u32 = 3;

/// A server with its data, and the account of what it got.
pub(super) struct Site {
    pub(super) subject: Subject,
    pub(super) state: State,
    pub(super) ledger: Ledger,
    pub(super) data: PathBuf,
    pub(super) older: PathBuf,
}

/// How a start after damage went.
pub(super) struct Started {
    pub(super) witness: Witness,
    pub(super) was_refused: bool,
    /// What the words of a refusal say is lost.
    pub(super) told: Option<u64>,
    pub(super) ready_after: Duration,
}

impl Site {
    /// Starts the server. Where it refuses, its own words are followed. Its log of this start begins at `at`.
    pub(super) fn start(&mut self, at: u64) -> Result<Started> {
        let began = Instant::now();
        let (mut refusals, mut told) = (0, None);
        loop {
            let at = self.state.log_length().max(at);
            self.subject.begin_start();
            let Err(error) = self.subject.running() else { break };
            interrupt::check()?;
            refusals += 1;
            let way_out = self.state.way_out(at).filter(|_| refusals <= REFUSALS_AT_MOST);
            let way_out = way_out.with_context(|| {
                format!("it refuses without a way out ({error:#}): {}", self.state.log_from(at))
            })?;
            told = told.max(way_out.events);
            let ran = Command::new("sh").args(["-c", &way_out.command]).status()?;
            ensure!(ran.success(), "its words do not work: {}", way_out.command);
            // A second refusal of a later round names the same places.
            remove_put_aside(&self.data)?;
        }
        let witness = self.subject.answering()?;
        let was_refused = refusals > 0;
        Ok(Started { witness, was_refused, told, ready_after: began.elapsed() })
    }

    pub(super) fn drained(&self) -> Result<()> {
        let is_empty = || self.state.waiting().is_ok_and(|waiting| waiting == 0).then_some(());
        let drained = interrupt::poll(Instant::now() + PATIENCE, is_empty);
        interrupt::check()?;
        drained.with_context(|| format!("the spool does not drain: {:?}", self.state.health()))
    }

    /// Acknowledged events of all rounds that are not in ClickHouse.
    pub(super) fn missing(&self, witness: &Witness, number: u32) -> Result<Vec<Id>> {
        let mut missing = Vec::new();
        for round in self.ledger.rounds() {
            missing.extend(self.ledger.missing(&witness.events(round)?, round));
        }
        missing.sort_unstable_by_key(|id| *id);
        debug_assert!(missing.iter().all(|id| id.round <= number));
        Ok(missing)
    }
}

fn remove_put_aside(data: &Path) -> Result<()> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "damaged") {
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
    }
    Ok(())
}
