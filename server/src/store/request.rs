//! One request: when it was, and every event with its id.

use super::record::{self, Record};
use super::{Store, StoreError, limits};
use clickhouse::Row;
use log_center_wire::{Level, RequestId};
use serde::Deserialize;
use uuid::{Uuid, Variant};

/// The first and the last millisecond that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub oldest: i64,
    /// Up to here, which is included.
    pub newest: i64,
}

/// What is known of the time of a request before its events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTime {
    /// Its id is a UUIDv7, which was made at this time, in milliseconds since 1970.
    Made(i64),
    /// Its events are in this window.
    Seen(Window),
    /// Nothing.
    Unknown,
}

impl Window {
    /// The times that the buckets of five minutes can hold, 1970 to 2106. The server replaces wilder ones when they
    /// arrive.
    pub const ALWAYS: Self = Self { oldest: 0, newest: u32::MAX as i64 * 1000 };

    /// From one time to another, as far as the buckets reach.
    pub fn between(oldest: i64, newest: i64) -> Self {
        let bounded = |ms: i64| ms.clamp(Self::ALWAYS.oldest, Self::ALWAYS.newest);
        Self { oldest: bounded(oldest), newest: bounded(newest) }
    }
}

/// The order of time, ties in the order of arrival.
///
/// Sorting costs ClickHouse most of a millisecond to prepare, so it does that only for what is more than is wanted.
const IN_ORDER: &str = "ORDER BY e.time, e.received_at, e.batch, e.ordinal";

/// What all records of a request add up to.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct RequestSums {
    /// How many there are.
    pub records: u64,
    /// Of these, those at ERROR and above.
    pub errors: u64,
    /// Who wrote them, by name.
    pub projects: Vec<String>,
    /// The issues that they are occurrences of.
    pub issues: Vec<u64>,
}

#[derive(Row, Deserialize)]
struct Times {
    first: i64,
    last: i64,
}

impl Store {
    /// When a request was, as far as that can be known without reading events. Costs a question only if the id does not
    /// say it itself.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn request_time(&self, id: &RequestId) -> Result<RequestTime, StoreError> {
        if let Some(made_at) = made_at(id) {
            return Ok(RequestTime::Made(made_at));
        }
        let read = self.read("request_time", include_str!("sql/request_time.sql"));
        let times: Vec<Times> = read.param("req_id", id.as_str()).all().await?;
        Ok(times.first().map_or(RequestTime::Unknown, |times| {
            // Its newest events may be there before their times are.
            let (before, after) =
                (times.first - limits::REQUEST_AROUND_MS, times.last + limits::REQUEST_AROUND_MS);
            RequestTime::Seen(Window::between(before, after))
        }))
    }

    /// The records of a request within a window, in the order of time, `limit` at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn request(
        &self,
        id: &RequestId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let mut rows = self.records_of(id, window, limit, "").await?;
        if rows.len() == limit as usize {
            // There may be more, and the first of them are wanted.
            rows = self.records_of(id, window, limit, IN_ORDER).await?;
        } else {
            rows.sort_unstable_by_key(|row| (row.time, row.received_at, row.batch, row.ordinal));
        }
        Ok(rows)
    }

    /// The records of a request within a window that begin or end a hop, in the order of time, `limit` at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn request_hops(
        &self,
        id: &RequestId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let statement = include_str!("sql/request_hops.sql").replace("{order}", IN_ORDER);
        self.read("request_hops", &record::with_columns(&statement))
            .param("req_id", id.as_str())
            .param("oldest", window.oldest)
            .param("newest", window.newest)
            .param("limit", limit)
            .in_one_thread()
            .all()
            .await
    }

    /// What all records of a request within a window add up to.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn request_sums(&self, id: &RequestId, window: Window) -> Result<RequestSums, StoreError> {
        let rows: Vec<RequestSums> = self
            .read("request_sums", include_str!("sql/request_sums.sql"))
            .param("req_id", id.as_str())
            .param("oldest", window.oldest)
            .param("newest", window.newest)
            .param("level", Level::Error.number())
            .all()
            .await?;
        let nothing = || RequestSums { records: 0, errors: 0, projects: Vec::new(), issues: Vec::new() };
        // An aggregate without groups is one row, whatever there is.
        Ok(rows.into_iter().next().unwrap_or_else(nothing))
    }

    async fn records_of(
        &self,
        id: &RequestId,
        window: Window,
        limit: u32,
        order: &str,
    ) -> Result<Vec<Record>, StoreError> {
        let statement = include_str!("sql/request_records.sql").replace("{order}", order);
        self.read("request_records", &record::with_columns(&statement))
            .param("req_id", id.as_str())
            .param("oldest", window.oldest)
            .param("newest", window.newest)
            .param("limit", limit)
            .in_one_thread()
            .all()
            .await
    }
}

/// When a UUIDv7 was made, in milliseconds since 1970. Of the forms of a UUID only the usual one counts, as in
/// `request_time_store`, which holds the times of all other ids.
fn made_at(id: &RequestId) -> Option<i64> {
    let text = Some(id.as_str()).filter(|text| text.len() == uuid::fmt::Hyphenated::LENGTH)?;
    let uuid = Uuid::try_parse(text).ok()?;
    let (seconds, nanos) = match (uuid.get_variant(), uuid.get_version_num()) {
        (Variant::RFC4122, 7) => uuid.get_timestamp()?.to_unix(),
        _ => return None,
    };
    // 48 bits of milliseconds.
    Some(i64::try_from(seconds).ok()? * 1000 + i64::from(nanos / 1_000_000))
}
