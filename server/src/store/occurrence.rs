//! Occurrences of an issue, newest first.

use super::issue::Issue;
use super::place::Place;
use super::statement::{BEHIND, NEWEST_FIRST};
use super::value::{JsonObject, LevelWord, Lines, Time};
use super::{Store, StoreError};
use crate::event::columns;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One occurrence of an issue. A text that the program did not send is empty.
#[derive(Debug, Clone, Row, Serialize, Deserialize, ToSchema)]
pub struct Occurrence {
    /// The `id` of the event.
    pub id: String,
    /// When it happened.
    pub time: Time,
    /// What the error said.
    pub message: String,
    /// At which level.
    pub level: LevelWord,
    /// Where the program runs.
    #[schema(example = "production")]
    pub environment: String,
    /// Version of the program.
    pub version: String,
    /// Its git commit.
    pub commit_hash: String,
    /// Lines of the stack.
    pub stack_trace: Lines,
    /// The report's `context`, or the keys of a record that are none of the contract's.
    pub context: JsonObject,
    /// The request in which it happened.
    pub request_id: String,
    /// The user who met it.
    pub user_id: String,
    /// The host of the program.
    pub hostname: String,
    /// The id that the program gave to the event.
    pub event_id: String,
    /// `report` or `record`: by which way it came.
    #[schema(example = "report")]
    pub source: String,
    #[serde(skip_serializing_if = "super::value::is_internal")]
    #[schema(ignore)]
    received_at: Time,
    #[serde(skip_serializing_if = "super::value::is_internal")]
    #[schema(ignore)]
    batch: u64,
    #[serde(skip_serializing_if = "super::value::is_internal")]
    #[schema(ignore)]
    ordinal: u32,
}

impl Store {
    /// Occurrences of an issue, newest first, behind the place `after`; `limit` at most. None is left out and none comes
    /// twice, whatever arrives between two pages.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn occurrences(
        &self,
        issue: &Issue,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let after = after.unwrap_or(Place::newest(issue.last_seen.0.0));
        let text = include_str!("sql/occurrence_page.sql")
            .replace("{event.id}", columns::ID_SQL)
            .replace("{behind}", BEHIND)
            .replace("{order}", NEWEST_FIRST);
        self.read("occurrence_page", &text)
            .param("issue", issue.id)
            // Project and times bound what is read: they are how the table is sorted.
            .param("project", &issue.project_id)
            .param("oldest", issue.first_seen.0.0)
            .param("newest", after.time)
            .behind(after)
            .param("limit", limit)
            .all()
            .await
    }
}

impl super::place::Placed for Occurrence {
    fn place(&self) -> Place {
        Place {
            time: self.time.0.0,
            received_at: self.received_at.0.0,
            batch: self.batch,
            ordinal: self.ordinal,
        }
    }
}
