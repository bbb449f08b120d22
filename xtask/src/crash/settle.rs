//! Waiting until everything that was acknowledged is visible.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ledger::{Findings, Ledger};
use super::witness::Witness;
use crate::interrupt;

/// Asks until nothing is missing and both views agree, but no longer than `patience`. Events are compared one by one if
/// their id starts with `prefix`, issues always. Returns whether everything became visible, and what is wrong then: by
/// now that stays wrong.
pub(super) fn settle(
    ledger: &Ledger,
    witness: &Witness,
    prefix: &str,
    patience: Duration,
) -> Result<(bool, Findings)> {
    let deadline = Instant::now() + patience;
    let acked = ledger.totals().acked;
    let mut last = Ok(Findings::default());
    let look = || {
        // Cheap first: as long as the sum is too small there is no need to look at every event.
        if witness.total().ok()? < acked {
            return None;
        }
        last = compare(ledger, witness, prefix);
        last.as_ref().is_ok_and(|findings| findings.lost == 0 && findings.unequal == 0).then_some(())
    };
    let visible = interrupt::poll(deadline, look).is_some();
    interrupt::check()?;
    if !visible {
        last = compare(ledger, witness, prefix);
    }
    Ok((visible, last.context("ClickHouse cannot be asked")?))
}

fn compare(ledger: &Ledger, witness: &Witness, prefix: &str) -> Result<Findings> {
    let issues = ledger.compare_issues(&witness.issues()?);
    Ok(issues.and(ledger.compare_events(&witness.events(prefix)?, prefix)))
}
