//! Who has which server id.

use super::{Store, StoreError};
use crate::number::ServerId;

impl Store {
    /// The data directory that claimed this id last; `None` if nobody did.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn claimant(&self, server: ServerId) -> Result<Option<u64>, StoreError> {
        let found: Vec<u64> = self
            .read("server_claim", include_str!("sql/server_claim.sql"))
            .param("server", server.get())
            .in_one_thread()
            .all()
            .await?;
        Ok(found.first().copied())
    }

    /// Claims this id for a data directory.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn claim(&self, server: ServerId, instance: u64) -> Result<(), StoreError> {
        let insert = self
            .client()
            .query("INSERT INTO server_claims SELECT {server:UInt16}, {instance:UInt64}, now64(6, 'UTC')")
            .param("server", server.get())
            .param("instance", instance);
        let failed = |source| StoreError::Query { statement: "claim of the server id".to_owned(), source };
        insert.execute().await.map_err(failed)
    }
}
