//! Which hops of a list are roots, as in the tree of hops: those that name no hop around them, or one that nobody wrote.

use super::RequestItem;
use crate::store::{Store, StoreError, limits};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeSet, HashSet};

#[derive(Row, Deserialize, PartialEq, Eq, Hash)]
struct Written {
    req_id: String,
    span_id: String,
}

impl Store {
    /// Leaves the outermost hops in the list.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub(super) async fn keep_outermost(&self, items: &mut Vec<RequestItem>) -> Result<(), StoreError> {
        let inner: Vec<&RequestItem> = items.iter().filter(|item| item.names_parent()).collect();
        let mut written = HashSet::new();
        for inner in inner.chunks(limits::REQUEST_PARENTS_AT_ONCE) {
            written.extend(self.written_parents(inner).await?);
        }
        items.retain(|item| {
            let parent = Written { req_id: item.req_id.clone(), span_id: item.parent_id.clone() };
            // Who names itself is around nobody.
            !item.names_parent() || item.parent_id == item.span_id || !written.contains(&parent)
        });
        Ok(())
    }

    async fn written_parents(&self, inner: &[&RequestItem]) -> Result<Vec<Written>, StoreError> {
        let ids: BTreeSet<&str> = inner.iter().map(|item| item.req_id.as_str()).collect();
        let parents: BTreeSet<&str> = inner.iter().map(|item| item.parent_id.as_str()).collect();
        let buckets: BTreeSet<i64> = inner.iter().flat_map(|item| item.buckets_around()).collect();
        self.read("request_parents", include_str!("../sql/request_parents.sql"))
            .param("buckets", buckets)
            .param("ids", &ids)
            .param("parents", &parents)
            .param("limit", u32::try_from(ids.len() * parents.len()).unwrap_or(u32::MAX))
            .all()
            .await
    }
}

impl RequestItem {
    /// Whether it names a hop around it. Some programs write sixteen zeros if there is none.
    fn names_parent(&self) -> bool {
        self.parent_id.bytes().any(|byte| byte != b'0')
    }
}
