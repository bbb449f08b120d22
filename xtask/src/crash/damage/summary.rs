//! The figures of a run: a line a round, a table at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::findings::Findings;
use super::super::summary::median_and_max;
use super::harm::Done;

/// What a round showed.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) state: &'static str,
    pub(super) harms: Vec<Done>,
    /// Events that the spool held, at most.
    pub(super) held: u64,
    /// Acknowledged events that were not there any more.
    pub(super) missing: u64,
    /// How many the server told to be lost. `None`: that it does not know.
    pub(super) told: Option<u64>,
    pub(super) was_refused: bool,
    /// How long load and end took.
    pub(super) ended_after: Duration,
    /// From the start until the server was ready; the way out of a refusal included.
    pub(super) ready_after: Duration,
    pub(super) whole: Duration,
}

/// All rounds.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rounds: u32,
    harms: BTreeMap<String, u32>,
    refused: u32,
    rounds_with_loss: u32,
    held: u64,
    missing: u64,
    told: u64,
    acknowledged: u64,
    doubled: u64,
    unequal: u64,
    complaints: u64,
    ready: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Summary {
    /// Takes in a round and prints its line.
    pub(super) fn add(&mut self, number: u32, round: &Round) {
        self.rounds += 1;
        for done in &round.harms {
            *self.harms.entry(format!("{:?}", done.harm)).or_default() += 1;
        }
        self.refused += u32::from(round.was_refused);
        self.rounds_with_loss += u32::from(round.missing > 0);
        self.held += round.held;
        self.missing += round.missing;
        self.told += round.told.unwrap_or(0);
        self.ready.push(round.ready_after);
        self.whole.push(round.whole);
        let harms: Vec<_> = round.harms.iter().map(ToString::to_string).collect();
        println!(
            "round {number:>3}: {:<7} after {} ms, {}; {}, ready after {} ms; {} held, {} missing, {} told; {} ms",
            round.state,
            round.ended_after.as_millis(),
            harms.join("; "),
            if round.was_refused { "refused with words" } else { "started" },
            round.ready_after.as_millis(),
            round.held,
            round.missing,
            round.told.map_or_else(|| "unknown".to_owned(), |told| told.to_string()),
            round.whole.as_millis(),
        );
    }

    /// Takes in a comparison.
    pub(super) fn add_findings(&mut self, findings: &Findings) {
        self.doubled += findings.doubled;
        self.unequal += findings.unequal;
        // What is missing was taken down before: an event that is in the wrong issue remains.
        self.complaints += u64::from(findings.lost > 0);
        findings.examples.iter().for_each(|example| println!("  {example}"));
    }

    /// Takes in answers and states that are wrong in themselves.
    pub(super) fn complain(&mut self, complaints: impl IntoIterator<Item = String>) {
        for complaint in complaints {
            println!("  {complaint}");
            self.complaints += 1;
        }
    }

    /// Takes in what was acknowledged.
    pub(super) fn acknowledge(&mut self, events: u64) {
        self.acknowledged += events;
    }

    /// Whether nothing at all was wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.doubled + self.unequal + self.complaints == 0
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        let harms: Vec<_> = self.harms.iter().map(|(harm, times)| format!("{harm} {times}")).collect();
        println!();
        println!("rounds                {}", self.rounds);
        println!("damaged               {}", harms.join(", "));
        println!("refused with words    {}", self.refused);
        println!("acknowledged          {}", self.acknowledged);
        println!("held by the spool     {}", self.held);
        println!("missing               {} in {} rounds", self.missing, self.rounds_with_loss);
        println!("told to be lost       {}", self.told);
        println!("doubled               {}", self.doubled);
        println!("issues unlike events  {}", self.unequal);
        println!("complaints            {}", self.complaints);
        println!("ready after damage    {}", median_and_max(&self.ready));
        println!("a round               {}", median_and_max(&self.whole));
    }
}
