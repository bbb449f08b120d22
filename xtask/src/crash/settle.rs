//! Waiting until everything that was acknowledged is visible.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::findings::Findings;
use super::ledger::Ledger;
use super::sums::SUMS;
use super::witness::Witness;
use crate::interrupt;

/// Asks until nothing is missing and all tables agree, but no longer than `patience`. The events of `rounds` are compared
/// one by one, issues and sums always. Returns when the look began that saw everything (looking takes its time, too), and what is
/// wrong then: by now that stays wrong.
pub(super) fn settle(
    ledger: &Ledger,
    witness: &Witness,
    rounds: &[u32],
    patience: Duration,
) -> Result<(Option<Instant>, Findings)> {
    let deadline = Instant::now() + patience;
    let acked = ledger.totals().acked;
    let mut last = Ok(Findings::default());
    let look = || {
        let began = Instant::now();
        // What is asked again and again would keep the writer from its work.
        if witness.is_spool_waiting() {
            return None;
        }
        // Cheap first: as long as there are too few there is no need to look at every event.
        if witness.total().ok()? < acked {
            return None;
        }
        last = compare(ledger, witness, rounds);
        last.as_ref().is_ok_and(Findings::is_settled).then_some(began)
    };
    let visible = interrupt::poll(deadline, look);
    interrupt::check()?;
    if visible.is_none() {
        last = compare(ledger, witness, rounds);
    }
    Ok((visible, last.context("ClickHouse cannot be asked")?))
}

fn compare(ledger: &Ledger, witness: &Witness, rounds: &[u32]) -> Result<Findings> {
    let mut findings = ledger.compare_issues(&witness.issues()?);
    for round in rounds {
        findings = findings.and(ledger.compare_events(&witness.events(*round)?, *round));
    }
    for sum in &SUMS {
        findings = findings.and(witness.compare(sum)?);
    }
    Ok(findings)
}
