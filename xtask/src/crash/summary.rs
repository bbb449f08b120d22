//! The figures of a run: a line a round, a table at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::findings::Findings;
use super::ledger::Totals;
use super::plan::{Strike, Victim};

/// Complaints that are printed in full; the rest is counted.
const COMPLAINTS_SHOWN: usize = 20;

/// What a round showed.
#[derive(Debug)]
pub(super) struct Round {
    /// The kills that hit somebody.
    pub(super) strikes: Vec<Strike>,
    /// From the last kill until the server had said that it is ready and its ClickHouse answered.
    pub(super) ready_after: Duration,
    /// From the end of the load until everything was visible. `None`: it never was.
    pub(super) visible_after: Option<Duration>,
    /// What differed when everything was visible, or when the patience was over.
    pub(super) findings: Findings,
}

/// All rounds.
#[derive(Debug, Default)]
pub(super) struct Summary {
    kills: BTreeMap<Victim, u32>,
    rounds: u32,
    late: u32,
    lost: u64,
    doubled: u64,
    unequal: u64,
    ready: Vec<Duration>,
    visible: Vec<Duration>,
    complaints: Vec<String>,
}

impl Summary {
    /// Takes a round in and prints its line.
    pub(super) fn add(&mut self, number: u32, round: &Round, deadline: Duration, totals: Totals) {
        self.rounds += 1;
        for strike in &round.strikes {
            *self.kills.entry(strike.victim).or_default() += 1;
        }
        self.ready.push(round.ready_after);
        self.visible.extend(round.visible_after);
        self.late += u32::from(round.visible_after.is_none_or(|after| after > deadline));
        self.add_findings(&round.findings);
        let names: Vec<_> = round.strikes.iter().map(|strike| format!("{:?}", strike.victim)).collect();
        let visible = round
            .visible_after
            .map_or_else(|| "NEVER".to_owned(), |after| format!("{} ms", after.as_millis()));
        println!(
            "round {number:>3}: killed {:<24} ready after {:>5} ms, all visible after {visible:>8}; \
             so far {} acknowledged, {} unclear, {} issues, {} lost, {} doubled",
            names.join(" + "),
            round.ready_after.as_millis(),
            totals.acked,
            totals.unclear,
            totals.issues,
            self.lost,
            self.doubled,
        );
    }

    /// Takes in a comparison that belongs to no round.
    pub(super) fn add_findings(&mut self, findings: &Findings) {
        self.lost += findings.lost;
        self.doubled += findings.doubled;
        self.unequal += findings.unequal;
        for example in &findings.examples {
            println!("  {example}");
        }
    }

    /// Takes in answers and states that are wrong in themselves.
    pub(super) fn complain(&mut self, complaints: Vec<String>) {
        for complaint in &complaints {
            if self.complaints.len() < COMPLAINTS_SHOWN {
                println!("  {complaint}");
            }
            self.complaints.push(complaint.clone());
        }
    }

    /// Whether nothing at all was wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.unequal == 0 && self.late == 0 && self.complaints.is_empty()
    }

    /// Prints the table.
    pub(super) fn print(&self, totals: Totals, deadline: Duration) {
        let kills: Vec<_> = self.kills.iter().map(|(victim, times)| format!("{victim:?} {times}")).collect();
        println!();
        println!("rounds                {}", self.rounds);
        println!("kills                 {}", kills.join(", "));
        println!("issues                {}", totals.issues);
        println!("acknowledged          {}", totals.acked);
        println!("sent twice, two ways  {}", totals.repeated);
        println!("unclear, without key  {}", totals.unclear);
        println!("refused or not sent   {}", totals.refused);
        println!("lost                  {}", self.lost);
        println!("doubled               {}", self.doubled);
        println!("issues unlike events  {}", self.unequal);
        println!("wrong answers         {}", self.complaints.len());
        println!("ready after a kill    {}", median_and_max(&self.ready));
        println!("visible after load    {}", median_and_max(&self.visible));
        println!("later than {} ms    {} rounds", deadline.as_millis(), self.late);
    }
}

/// Both in words.
pub(super) fn median_and_max(durations: &[Duration]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    match (sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(median), Some(max)) => format!("median {} ms, max {} ms", median.as_millis(), max.as_millis()),
        _ => "never".to_owned(),
    }
}
