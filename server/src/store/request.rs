//! One request: every event with its id.

use super::record::{self, Record};
use super::{Store, StoreError, limits};
use log_center_wire::RequestId;
use uuid::Uuid;

/// The times that the buckets of five minutes can hold, 1970 to 2106. The server replaces wilder ones when they arrive.
const ALWAYS: (i64, i64) = (0, u32::MAX as i64 * 1000);

impl Store {
    /// The records of a request in the order of time, `limit` at most, from the whole of the store.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn request(&self, id: &RequestId, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.request_between(id, ALWAYS, limit).await
    }

    /// The same, but only about the time at which the id says that it was made; `None` if it does not say that. Reading
    /// an hour costs the same however much the store holds.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn recent_request(
        &self,
        id: &RequestId,
        limit: u32,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        let Some(made_at) = made_at(id) else { return Ok(None) };
        let oldest = (made_at - limits::REQUEST_BEFORE_ID_MS).max(ALWAYS.0);
        let newest = (made_at + limits::REQUEST_AFTER_ID_MS).min(ALWAYS.1);
        self.request_between(id, (oldest, newest), limit).await.map(Some)
    }

    async fn request_between(
        &self,
        id: &RequestId,
        (oldest, newest): (i64, i64),
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let statement = include_str!("sql/request_records.sql").replace("{columns}", record::COLUMNS);
        let rows: Vec<record::Row> = self
            .read("request_records", &statement)
            .param("req_id", id.as_str())
            .param("oldest", oldest)
            .param("newest", newest)
            .param("limit", limit)
            .all()
            .await?;
        Ok(rows.into_iter().map(Record::from).collect())
    }
}

/// When a UUIDv7 was made, in milliseconds since 1970.
fn made_at(id: &RequestId) -> Option<i64> {
    let uuid = Uuid::try_parse(id.as_str()).ok().filter(|uuid| uuid.get_version_num() == 7)?;
    let (seconds, nanos) = uuid.get_timestamp()?.to_unix();
    // 48 bits of milliseconds.
    Some(i64::try_from(seconds).ok()? * 1000 + i64::from(nanos / 1_000_000))
}
