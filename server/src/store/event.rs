//! Events, found by a search.

use super::place::Place;
use super::record::{self, Record};
use super::statement::{BEHIND, NEWEST_FIRST, Read};
use super::{Store, StoreError};
use crate::search::{Condition, Value};

/// Which events.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// What is searched.
    pub condition: Condition,
    /// From this time on, in milliseconds since 1970.
    pub since: i64,
    /// Up to this time, which is included.
    pub until: i64,
    /// From this time on nothing is so old that it was deleted.
    pub kept_since: i64,
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
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.unwrap_or(Place::newest(filter.until));
        let text = record::with_columns(include_str!("sql/event_page.sql"))
            .replace("{behind}", BEHIND)
            .replace("{order}", NEWEST_FIRST);
        let newest = EventFilter { until: after.time, ..filter.clone() };
        self.search("event_page", &text, &newest).behind(after).param("limit", limit).all().await
    }

    /// A statement with the condition and the time of a search.
    pub(super) fn search(&self, name: &'static str, text: &str, filter: &EventFilter) -> Read {
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
                Value::Whole(value) => read.param(&name, value),
                Value::Millis(value) => read.param(&name, value),
            }
        })
    }
}
