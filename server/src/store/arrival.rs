//! Events by the batch that brought them: what is new since somebody looked.

use super::record::{self, Record};
use super::{Store, StoreError, limits};
use crate::search::Condition;
use clickhouse::Row;
use serde::Deserialize;

/// Some batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    /// None with a smaller number.
    pub first: u64,
    /// None with a greater number.
    pub last: u64,
    /// Only these; all of them, if it is empty.
    pub only: Vec<u64>,
}

/// How many records of a batch there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct BatchCount {
    /// The batch.
    pub batch: u64,
    /// How many.
    pub count: u64,
}

impl Store {
    /// The batches with a greater number than this one.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn batches_after(&self, batch: u64) -> Result<Vec<u64>, StoreError> {
        self.read("event_batches", include_str!("sql/event_batches.sql"))
            .param("after", batch)
            .param("limit", limits::NEW_BATCHES_MAX)
            .all()
            .await
    }

    /// What these batches brought, in the order of batch and time; the last `limit` at most. The order of a batch is the same
    /// each time.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn arrived(
        &self,
        condition: &Condition,
        batches: &Batches,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let text = record::with_columns(include_str!("sql/event_arrivals.sql"));
        let rows: Vec<Record> = self
            .read_where("event_arrivals", &text, condition)
            .param("first", batches.first)
            .param("last", batches.last)
            .param("only", &batches.only)
            .param("limit", limit)
            .all()
            .await?;
        Ok(rows.into_iter().rev().collect())
    }

    /// How much these batches brought, of those that brought anything.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn arrived_counts(
        &self,
        condition: &Condition,
        batches: &Batches,
    ) -> Result<Vec<BatchCount>, StoreError> {
        self.read_where("event_arrival_counts", include_str!("sql/event_arrival_counts.sql"), condition)
            .param("first", batches.first)
            .param("last", batches.last)
            .param("only", &batches.only)
            .all()
            .await
    }
}
