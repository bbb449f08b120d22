//! The figures of a run: a line a round, a table at the end.

use std::time::Duration;

use super::super::findings::Findings;
use super::super::ledger::Totals;
use super::super::summary::median_and_max;
use super::READY_DEADLINE;

/// What a round showed.
#[derive(Debug)]
pub(super) struct Round {
    /// How often the disk was full.
    pub(super) fills: usize,
    /// Whether the server said that it takes nothing, at the end of the last of these.
    pub(super) was_unready: bool,
    /// From the moment there was room until the server was ready. `None`: it never was.
    pub(super) ready_after: Option<Duration>,
    /// From the same moment until everything was visible and nothing waited. `None`: it never was.
    pub(super) visible_after: Option<Duration>,
    /// What differed when everything was visible, or when the patience was over.
    pub(super) findings: Findings,
}

/// All rounds, over all volumes.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rounds: u32,
    fills: usize,
    unready: u32,
    ready: Vec<Duration>,
    visible: Vec<Duration>,
    totals: Totals,
    put_aside: u64,
    lost: u64,
    doubled: u64,
    unequal: u64,
    complaints: u64,
}

impl Summary {
    /// Takes in a round and prints its line. `totals` and `put_aside` count since the volume was made.
    pub(super) fn add(
        &mut self,
        number: u32,
        round: &Round,
        deadline: Duration,
        totals: Totals,
        put_aside: u64,
    ) {
        self.rounds += 1;
        self.fills += round.fills;
        self.unready += u32::from(round.was_unready);
        self.ready.extend(round.ready_after);
        self.visible.extend(round.visible_after);
        self.add_findings(&round.findings);
        let ms = |duration: Option<Duration>| {
            duration.map_or_else(|| "NEVER".to_owned(), |duration| format!("{} ms", duration.as_millis()))
        };
        println!(
            "round {number:>3}: full {} times, {:>7}; with room ready after {:>8}, all visible after {:>8}; on this disk \
             {} acknowledged, {} unclear, {} refused, {} parts put aside",
            round.fills,
            if round.was_unready { "unready" } else { "ready" },
            ms(round.ready_after),
            ms(round.visible_after),
            totals.acked,
            totals.unclear,
            totals.refused,
            put_aside,
        );
        if round.ready_after.is_none_or(|after| after > READY_DEADLINE) {
            self.complain([format!("not ready within {} s of there being room", READY_DEADLINE.as_secs())]);
        }
        if round.visible_after.is_none_or(|after| after > deadline) {
            let seconds = deadline.as_secs();
            self.complain([format!("not everything was visible within {seconds} s of there being room")]);
        }
    }

    /// Takes in a comparison.
    pub(super) fn add_findings(&mut self, findings: &Findings) {
        self.lost += findings.lost;
        self.doubled += findings.doubled;
        self.unequal += findings.unequal;
        findings.examples.iter().for_each(|example| println!("  {example}"));
    }

    /// Takes in the figures of a volume that is done.
    pub(super) fn add_volume(&mut self, totals: Totals, put_aside: u64) {
        self.totals.acked += totals.acked;
        self.totals.unclear += totals.unclear;
        self.totals.refused += totals.refused;
        self.put_aside += put_aside;
    }

    /// Takes in answers and states that are wrong in themselves.
    pub(super) fn complain(&mut self, complaints: impl IntoIterator<Item = String>) {
        for complaint in complaints {
            println!("  {complaint}");
            self.complaints += 1;
        }
    }

    /// Whether nothing at all was wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.unequal + self.complaints == 0
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        println!();
        println!("rounds                {}", self.rounds);
        println!("disk full             {} times", self.fills);
        println!("unready while full    {} rounds", self.unready);
        println!("acknowledged          {}", self.totals.acked);
        println!("unclear               {}", self.totals.unclear);
        println!("refused               {}", self.totals.refused);
        println!("parts put aside       {}", self.put_aside);
        println!("lost                  {}", self.lost);
        println!("doubled               {}", self.doubled);
        println!("issues unlike events  {}", self.unequal);
        println!("complaints            {}", self.complaints);
        println!("ready with room       {}", median_and_max(&self.ready));
        println!("visible with room     {}", median_and_max(&self.visible));
    }
}
