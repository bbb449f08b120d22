//! Counting events: the values of their fields, their number over time.
//!
//! Where a search and what is counted use only what `event_count_store` has, whole quarters of an hour are read there
//! and only the rest from the events. The answer is the same either way.

use super::event::EventFilter;
use super::request::Window;
use super::statement::Read;
use super::value::Time;
use super::{Store, StoreError, limits};
use crate::event::field::COUNTED_LEVEL;
use crate::search::Field;
use clickhouse::Row;
use log_center_wire::limits::TIME_FUTURE_MS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Bunyan's number of a named level. Events between two names count as those of the lower one.
    pub level: u8,
    /// How many.
    pub count: u64,
}

/// What `event_count_store` has of an event, as a search names it.
const COLUMNS: [&str; 14] = [
    "e.project",
    "e.environment",
    "e.version",
    "e.hostname",
    "e.level",
    "e.scope",
    "e.event",
    "e.state",
    "e.method",
    "e.route",
    "e.status",
    "e.service_host",
    "e.err_type",
    "e.msg",
];

const QUARTER_MS: i64 = 15 * 60 * 1000;

/// The migration with which counting began.
const MIGRATION: &str = "first/event_count_store";

/// Whole quarters of an hour, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quarters {
    first: i64,
    /// Behind the last.
    end: i64,
}

impl Quarters {
    /// Those in a time, if they are so many that reading them apart pays.
    fn within(oldest: i64, newest: i64) -> Option<Self> {
        let first = -(-oldest).div_euclid(QUARTER_MS) * QUARTER_MS;
        let end = (newest + 1).div_euclid(QUARTER_MS) * QUARTER_MS;
        (end - first >= limits::COUNTED_MS_MIN).then_some(Self { first, end })
    }
}

#[derive(Row, Deserialize)]
struct CountedFrom {
    ms: i64,
}

impl Store {
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
        let quarters = if COLUMNS.contains(&field.column) { self.counted(filter).await? } else { None };
        let with_value = |text: &str| text.replace("{value}", &field.value_sql());
        let read = match quarters {
            None => self.search("event_facet", &with_value(include_str!("sql/event_facet.sql")), filter),
            Some(quarters) => {
                let text = with_value(include_str!("sql/event_facet_counted.sql"));
                quarters.bind(self.search("event_facet_counted", &text, filter))
            }
        };
        read.param("limit", limit).all().await
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
        let by_level = |text: &str| text.replace("{level}", COUNTED_LEVEL);
        let quarters = if step_ms % QUARTER_MS == 0 { self.counted(filter).await? } else { None };
        let read = match quarters {
            None => {
                self.search("event_histogram", &by_level(include_str!("sql/event_histogram.sql")), filter)
            }
            Some(quarters) => {
                let text = by_level(include_str!("sql/event_histogram_counted.sql"));
                quarters.bind(self.search("event_histogram_counted", &text, filter))
            }
        };
        read.param("step", step_ms).param("limit", limits::HISTOGRAM_ROWS_MAX).all().await
    }

    /// The quarters of its time for which `event_count_store` can answer this search; `None` if there are few or none.
    async fn counted(&self, filter: &EventFilter) -> Result<Option<Quarters>, StoreError> {
        let is_counted = filter.condition.columns.iter().all(|column| COLUMNS.contains(column));
        if !is_counted || Quarters::within(filter.since, filter.until).is_none() {
            return Ok(None);
        }
        let from = self.counted_from().await?;
        // What was deleted is still counted.
        Ok(Quarters::within(filter.since.max(from).max(filter.kept_since), filter.until))
    }

    /// From which time on all events are counted: events from before there was `event_count_store` are not.
    /// Asked once, until the tables are made again.
    async fn counted_from(&self) -> Result<i64, StoreError> {
        let mut known = self.counted_from.lock().await;
        match *known {
            Some(from) => Ok(from),
            None => Ok(*known.insert(self.ask_counted_from().await?)),
        }
    }

    async fn ask_counted_from(&self) -> Result<i64, StoreError> {
        let answer: Vec<CountedFrom> = self
            .read("counted_from", include_str!("sql/counted_from.sql"))
            .param("migration", MIGRATION)
            .param("ahead", TIME_FUTURE_MS)
            .all()
            .await?;
        Ok(answer.first().map_or(Window::ALWAYS.newest, |answer| answer.ms))
    }
}

impl Quarters {
    fn bind(self, read: Read) -> Read {
        read.param("first", self.first / 1000).param("end", self.end / 1000)
    }
}
