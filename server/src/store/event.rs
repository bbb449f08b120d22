//! Events, found by a search: pages of them, the values of their fields, their number over time.

use super::place::{Place, Placed};
use super::record::{self, Record};
use super::statement::Read;
use super::value::Time;
use super::{Store, StoreError, limits};
use crate::search::{Condition, Field, Value};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which events.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// What is searched.
    pub condition: Condition,
    /// From this time on, in milliseconds since 1970.
    pub since: i64,
    /// Up to this time, which is included.
    pub until: i64,
}

/// A record and its place in the list of all.
#[derive(Debug)]
pub struct Found {
    /// The record.
    pub record: Record,
    tie: u64,
}

impl Placed for Found {
    fn place(&self) -> (i64, u64) {
        (self.record.time.0.0, self.tie)
    }
}

/// How often a field has a value.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// The value; empty where the field is.
    #[schema(example = "shop")]
    pub value: String,
    /// Events that have it.
    pub count: u64,
}

/// Events of one level in one step of time.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize, ToSchema)]
pub struct LevelCount {
    /// When the step begins.
    pub start: Time,
    /// Bunyan's number.
    pub level: u8,
    /// How many.
    pub count: u64,
}

impl Store {
    /// Events, newest first, behind the place `after`; `limit` at most. None is left out and none comes twice, whatever
    /// arrives between two pages.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn events(
        &self,
        filter: &EventFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Found>, StoreError> {
        let after = after.unwrap_or(Place::newest(filter.until));
        let text = include_str!("sql/event_page.sql").replace("{columns}", record::COLUMNS);
        let newest = EventFilter { until: after.time, ..filter.clone() };
        let rows: Vec<record::Row> = self
            .search("event_page", &text, &newest)
            .param("tie", after.tie)
            .param("skip", after.skip)
            .param("limit", limit)
            .all()
            .await?;
        Ok(rows.into_iter().map(|row| Found { tie: row.tie, record: row.into() }).collect())
    }

    /// The most frequent values of a field among these events.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn event_facet(
        &self,
        filter: &EventFilter,
        field: &Field,
        limit: u32,
    ) -> Result<Vec<FacetValue>, StoreError> {
        let text = include_str!("sql/event_facet.sql").replace("{column}", field.column);
        self.search("event_facet", &text, filter).param("limit", limit).all().await
    }

    /// How many of these events there are of each level in each step of `step_ms`. Steps without any are left out.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn event_histogram(
        &self,
        filter: &EventFilter,
        step_ms: i64,
    ) -> Result<Vec<LevelCount>, StoreError> {
        self.search("event_histogram", include_str!("sql/event_histogram.sql"), filter)
            .param("step", step_ms)
            .param("limit", limits::HISTOGRAM_ROWS_MAX)
            .all()
            .await
    }

    fn search(&self, name: &'static str, text: &str, filter: &EventFilter) -> Read {
        self.read_where(name, text, &filter.condition)
            .param("oldest", filter.since)
            .param("newest", filter.until)
    }

    /// Prepares a statement that has a place for a condition.
    pub(super) fn read_where(&self, name: &'static str, text: &str, condition: &Condition) -> Read {
        let read = self.read(name, &text.replace("{condition}", &condition.sql));
        condition.values.iter().enumerate().fold(read, |read, (number, value)| {
            let name = format!("q{number}");
            match value {
                Value::Text(text) => read.param(&name, text),
                Value::Number(value) => read.param(&name, value),
            }
        })
    }
}
