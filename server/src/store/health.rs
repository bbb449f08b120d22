use super::{Store, StoreError, limits};
use tokio::time::timeout;

impl Store {
    /// Whether ClickHouse answers, and has the schema: one that came back empty cannot be read.
    ///
    /// # Errors
    /// Not within [`PING_TIMEOUT`](limits::PING_TIMEOUT), or not at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let statement = || "ping".to_owned();
        let ping = self.client().query("SELECT count() FROM schema_migrations").fetch_one::<u64>();
        let answer = timeout(limits::PING_TIMEOUT, ping).await;
        let answer = answer.map_err(|_| StoreError::TimedOut { statement: statement() })?;
        answer.map(drop).map_err(|source| StoreError::Query { statement: statement(), source })
    }
}
