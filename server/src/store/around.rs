//! One event, and what stood before and behind it.

use super::place::{Place, Placed};
use super::record;
use super::request::Window;
use super::statement::{AHEAD, BEHIND, NEWEST_FIRST, OLDEST_FIRST};
use super::{Store, StoreError, limits};
use crate::event::{EventId, Record};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the events around one have in common with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(default = "process")]
pub enum Common {
    /// Service, host and process.
    #[default]
    Process,
    /// The service.
    Service,
    /// The request.
    Request,
    /// The user.
    User,
}

impl Common {
    const fn condition(self) -> &'static str {
        match self {
            Common::Process => {
                "e.project = {project:String} AND e.hostname = {hostname:String} AND e.pid = {pid:UInt32}"
            }
            Common::Service => "e.project = {project:String}",
            Common::Request => "e.req_id = {req_id:String}",
            Common::User => "e.uid = {uid:String}",
        }
    }
}

impl Store {
    /// The event of this id; `None` if there is none.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn event(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        let text = record::with_columns(include_str!("sql/event_one.sql"));
        let read = self.read("event_one", &text).param("time", id.time).param("batch", id.batch);
        let records: Vec<Record> = read.param("ordinal", id.ordinal).in_one_thread().all().await?;
        Ok(records.into_iter().next())
    }

    /// The last events before this one that have so much in common with it, oldest first; `limit` at most, and none that is more than
    /// [`limits::AROUND_MS`] older.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn events_before(
        &self,
        of: &Record,
        common: Common,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let window = Window::between(of.time.0.0 - limits::AROUND_MS, of.time.0.0);
        let mut records = self.events_beside(of, common, window, (BEHIND, NEWEST_FIRST), limit).await?;
        records.reverse();
        Ok(records)
    }

    /// The first events behind it, in the same way.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn events_after(
        &self,
        of: &Record,
        common: Common,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let window = Window::between(of.time.0.0, of.time.0.0 + limits::AROUND_MS);
        self.events_beside(of, common, window, (AHEAD, OLDEST_FIRST), limit).await
    }

    async fn events_beside(
        &self,
        of: &Record,
        common: Common,
        window: Window,
        (beside, order): (&str, &str),
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let text = record::with_columns(include_str!("sql/event_page.sql"))
            .replace("{behind}", beside)
            .replace("{order}", order)
            .replace("{condition}", common.condition());
        let place: Place = of.place();
        self.read("event_page", &text)
            .param("oldest", window.oldest)
            .param("newest", window.newest)
            .param("project", &of.project)
            .param("hostname", &of.hostname)
            .param("pid", of.pid)
            .param("req_id", &of.req_id)
            .param("uid", &of.uid)
            .behind(place)
            .param("limit", limit)
            .all()
            .await
    }
}
