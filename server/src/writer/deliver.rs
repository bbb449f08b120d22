//! One batch, until it is in ClickHouse exactly once.

use super::limits;
use crate::parts::Parts;
use crate::recurring::Recurring;
use crate::spool::{FrozenBatch, columns};
use crate::store::batch::{self, Batch, EVENTS};
use crate::store::derived::DERIVED;
use crate::store::{Cause, Store, StoreError, staging};
use std::fmt;
use std::sync::Arc;
use tokio::time::sleep;

pub(super) struct Delivery {
    store: Store,
    parts: Arc<Parts>,
    failures: Recurring<Cause>,
    is_failing: bool,
}

/// How far the attempts to insert one batch have come.
struct Attempts {
    /// Whether an insert of this batch may have arrived although nobody was told so.
    is_unclear: bool,
    /// The number of the deduplication token, and whether it was sent before.
    token: u32,
    is_token_sent: bool,
}

/// What ClickHouse has of a batch whose insert had an unclear end.
#[derive(PartialEq, Eq)]
enum Stored {
    /// All of it, and everything derived from it.
    All,
    /// Nothing.
    Nothing,
}

/// Why a batch is not in ClickHouse yet.
#[derive(Debug)]
enum DeliveryError {
    Store(StoreError),
    /// Nobody knows yet what becomes of an insert.
    StillRunning,
    /// The rows of a damaged part could not be written again.
    NotWritten,
    /// The spool holds rows of a version that this program does not know.
    Version(u8),
}

type Result<T> = std::result::Result<T, DeliveryError>;

impl From<StoreError> for DeliveryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl DeliveryError {
    fn cause(&self) -> Cause {
        match self {
            Self::Store(error) => error.cause(),
            Self::StillRunning | Self::NotWritten | Self::Version(_) => Cause::Defect,
        }
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::StillRunning => f.write_str("an insert with an unclear end is still running"),
            Self::NotWritten => f.write_str("the rows of a damaged part could not be written again"),
            Self::Version(version) => write!(f, "the spool holds rows of version {version}"),
        }
    }
}

impl Delivery {
    pub(super) fn new(store: Store, parts: Arc<Parts>) -> Self {
        Self { store, parts, failures: Recurring::new(), is_failing: false }
    }

    /// Returns when the batch is there. `is_unclear`: somebody may have sent it before.
    pub(super) async fn deliver(&mut self, batch: &FrozenBatch, is_unclear: bool) {
        let mut pause = limits::RETRY_MIN;
        let mut attempts = Attempts { is_unclear, token: 0, is_token_sent: is_unclear };
        loop {
            let attempt = {
                let _tables_stay = self.store.whole_schema().await;
                self.attempt(batch, &mut attempts).await
            };
            match attempt {
                Ok(true) => return self.recovered(),
                Ok(false) => {}
                Err(error) => self.failed(batch, error).await,
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::RETRY_MAX);
        }
    }

    /// True if the batch is there.
    async fn attempt(&self, batch: &FrozenBatch, attempts: &mut Attempts) -> Result<bool> {
        let batch = &to_insert(batch)?;
        if attempts.is_unclear {
            // A damaged part must be out of the way before anybody counts its rows.
            self.parts.check().await?;
            if self.find(batch).await? == Stored::All {
                return Ok(true);
            }
        }
        let is_token_new = !attempts.is_token_sent;
        let put_aside = self.parts.put_aside();
        (attempts.is_unclear, attempts.is_token_sent) = (true, true);
        batch::insert(&self.store, batch, &format!("batch-{}-{}", batch.number, attempts.token)).await?;
        self.parts.check().await?;
        if is_token_new && self.parts.put_aside() == put_aside {
            // ClickHouse cannot have taken a token for seen that was never sent.
            return Ok(true);
        }
        // ClickHouse notes the token and makes the part visible in two steps. If it was killed in between, it takes the
        // token for seen and drops the rows. A derived table may do so, too: `find` completes it.
        if self.find(batch).await? == Stored::All {
            return Ok(true);
        }
        attempts.token += 1;
        attempts.is_token_sent = false;
        Ok(false)
    }

    /// Looks for the batch, and completes what is derived from it if it is there.
    async fn find(&self, batch: &Batch) -> Result<Stored> {
        if batch::is_running(&self.store, batch).await? {
            return Err(DeliveryError::StillRunning);
        }
        // The rows came as one part, so any of them means all: what is missing is past its retention and was removed.
        let is_stored = batch::stored_rows(&self.store, batch).await? > 0;
        if batch.table != EVENTS {
            return Ok(if is_stored { Stored::All } else { Stored::Nothing });
        }
        let mut missing = Vec::new();
        for derived in DERIVED {
            if !batch::is_derived(&self.store, derived, batch).await? {
                missing.push(derived);
            }
        }
        if !is_stored {
            if missing.len() == DERIVED.len() {
                return Ok(Stored::Nothing);
            }
            // A derived table has the batch. Either all rows were past their retention, or the part with them was damaged:
            // then the rows are added without the materialized views, which would count them twice.
            if !staging::is_expired(&self.store, batch).await? {
                staging::attach(&self.store, batch).await?;
                self.parts.check().await?;
                if batch::stored_rows(&self.store, batch).await? == 0 {
                    return Err(DeliveryError::NotWritten);
                }
            }
        }
        if !missing.is_empty() {
            staging::derive(&self.store, &missing, batch).await?;
        }
        Ok(Stored::All)
    }

    async fn failed(&mut self, batch: &FrozenBatch, error: DeliveryError) {
        metrics::counter!("log_center_write_failures_total").increment(1);
        self.is_failing = true;
        if let Some(times) = self.failures.came(error.cause()) {
            tracing::warn!(%error, batch = batch.number, rows = batch.rows, times, "ClickHouse does not take a batch; trying on");
        }
        if let DeliveryError::Store(failure) = error
            && let Err(error) = self.parts.clear_way(&failure).await
        {
            tracing::debug!(%error, "the part that is in the way cannot be put aside");
        }
    }

    fn recovered(&mut self) {
        if self.is_failing {
            let again: u64 = self.failures.ended().into_iter().map(|(_, times)| times).sum();
            tracing::info!(failures_not_logged = again, "ClickHouse takes batches again");
        }
        self.is_failing = false;
    }
}

/// The batch as the store inserts it.
fn to_insert(batch: &FrozenBatch) -> Result<Batch> {
    let columns = columns(batch.version, batch.kind).ok_or(DeliveryError::Version(batch.version))?;
    Ok(Batch {
        number: batch.number,
        table: batch.kind.table(),
        columns,
        format: batch.kind.format(),
        day: batch.day,
        is_partial: batch.is_partial,
        bytes: batch.bytes.clone(),
    })
}
