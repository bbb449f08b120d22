//! One batch, until it is in ClickHouse exactly once.

use super::{insert, limits};
use crate::spool::{FrozenBatch, Kind};
use crate::store::Store;
use crate::store::derived::DERIVED;
use clickhouse::error::{Error, Result};
use std::time::Duration;
use tokio::time::sleep;

pub(super) struct Delivery {
    store: Store,
    is_failing: bool,
}

/// What ClickHouse has of a batch whose insert had an unclear end.
enum Found {
    /// All of it, and everything derived from it.
    All,
    /// Nothing.
    Nothing,
}

impl Delivery {
    pub(super) fn new(store: Store) -> Self {
        Self { store, is_failing: false }
    }

    /// Returns when the batch is there. `is_unclear`: somebody may have sent it before.
    pub(super) async fn deliver(&mut self, batch: &FrozenBatch, mut is_unclear: bool) {
        let mut pause = limits::RETRY_MIN;
        let mut is_token_spent = false;
        loop {
            match self.attempt(batch, is_unclear, &mut is_token_spent).await {
                Ok(true) => return self.recovered(),
                Ok(false) => is_unclear = true,
                Err(error) => {
                    is_unclear = true;
                    self.failed(batch, &error, pause).await;
                    pause = (pause * 2).min(limits::RETRY_MAX);
                }
            }
        }
    }

    /// True if the batch is there.
    async fn attempt(
        &self,
        batch: &FrozenBatch,
        is_unclear: bool,
        is_token_spent: &mut bool,
    ) -> Result<bool> {
        if is_unclear && matches!(self.find(batch).await?, Found::All) {
            return Ok(true);
        }
        // ClickHouse notes the token and makes the part visible in two steps. If it was killed in between, it takes the
        // token for seen and drops the rows: then another token is needed.
        let attempt = if *is_token_spent { "again" } else { "first" };
        insert::batch(&self.store, batch, &format!("batch-{}-{attempt}", batch.number)).await?;
        // A derived table notes the token, too, and may have dropped its rows for the same reason.
        if is_unclear && matches!(self.find(batch).await?, Found::Nothing) {
            *is_token_spent = true;
            return Ok(false);
        }
        Ok(true)
    }

    async fn find(&self, batch: &FrozenBatch) -> Result<Found> {
        if insert::is_running(&self.store, batch).await? {
            return Err(Error::Custom("an insert with an unclear end is still running".to_owned()));
        }
        match insert::stored_rows(&self.store, batch).await? {
            0 => return Ok(Found::Nothing),
            // What is lost of a damaged spool went under this number before: it is there as a whole.
            rows if rows == batch.rows || batch.is_partial => {}
            rows => {
                // Cannot come from one insert of one block into one partition. Guessing would lose or double rows.
                return Err(Error::Custom(format!(
                    "{rows} of {} rows of batch {} are in {}: somebody else changes this table",
                    batch.rows,
                    batch.number,
                    batch.kind.table()
                )));
            }
        }
        if batch.kind != Kind::Transition {
            for derived in DERIVED {
                if !insert::is_derived(&self.store, derived, batch).await? {
                    insert::derive(&self.store, derived, batch).await?;
                }
            }
        }
        Ok(Found::All)
    }

    async fn failed(&mut self, batch: &FrozenBatch, error: &Error, pause: Duration) {
        metrics::counter!("log_center_write_failures_total").increment(1);
        if !self.is_failing {
            tracing::warn!(%error, batch = batch.number, rows = batch.rows, "ClickHouse does not take a batch; trying on");
        }
        self.is_failing = true;
        sleep(pause).await;
    }

    fn recovered(&mut self) {
        if self.is_failing {
            tracing::info!("ClickHouse takes batches again");
        }
        self.is_failing = false;
    }
}
