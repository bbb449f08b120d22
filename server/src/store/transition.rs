//! The history of an issue's states.

use super::value::{Status, Time};
use super::{Store, StoreError};
use clickhouse::Row;
use log_center_wire::IssueId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One change of an issue's state.
#[derive(Debug, Clone, Row, Serialize, Deserialize, ToSchema)]
pub struct Transition {
    /// Orders all changes.
    #[serde(skip_serializing_if = "super::value::is_internal")]
    #[schema(ignore)]
    pub sequence: u64,
    /// State before.
    pub from: Status,
    /// State after.
    pub to: Status,
    /// When.
    pub at: Time,
    /// Who; `regression` is a new occurrence.
    pub actor: String,
    /// Why.
    pub note: String,
}

impl Store {
    /// The changes of an issue with a sequence above `after`, oldest first; `limit` at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn transitions(
        &self,
        id: IssueId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Transition>, StoreError> {
        self.read("transition_page", include_str!("sql/transition_page.sql"))
            .param("id", id.get())
            .param("after", after)
            .param("limit", limit)
            .all()
            .await
    }
}
