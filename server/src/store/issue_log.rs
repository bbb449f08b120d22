//! What servers learn from each other of issues: that one was made, and where it stands.

use super::{Store, StoreError, limits};
use crate::number::ServerId;
use clickhouse::Row;
use serde::Deserialize;

/// A change of an issue, or the making of one.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct IssueChange {
    /// The batch that brought it, which tells the server. Those of one server come in the order of their numbers.
    pub batch: u64,
    /// The project.
    pub project: String,
    /// The fingerprint within the project.
    pub fingerprint: [u8; 16],
    /// The state from then on.
    pub status: String,
    /// Orders the changes of all servers; 0 if the issue was made.
    pub sequence: u64,
}

/// The latest batch of a server.
#[derive(Row, Deserialize)]
struct Mark {
    server: u16,
    batch: u64,
}

impl Store {
    /// What other servers than `own` wrote of issues behind these batches, server by server in the order in which they did:
    /// [`ISSUE_CHANGES_AT_ONCE`](limits::ISSUE_CHANGES_AT_ONCE) and the rest of the last batch, at most.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn issue_changes(
        &self,
        own: ServerId,
        marks: &[(ServerId, u64)],
    ) -> Result<Vec<IssueChange>, StoreError> {
        let text = include_str!("sql/issue_log.sql").replace("{behind}", &behind(own, marks));
        self.read("issue_log", &text)
            .param("limit", limits::ISSUE_CHANGES_AT_ONCE)
            .in_one_thread()
            .all()
            .await
    }

    /// The latest batch of each other server that is in the log.
    ///
    /// # Errors
    /// ClickHouse is away or gave up.
    pub async fn issue_marks(&self, own: ServerId) -> Result<Vec<(ServerId, u64)>, StoreError> {
        let marks: Vec<Mark> = self
            .read("issue_log_marks", include_str!("sql/issue_log_marks.sql"))
            .param("own", own.get())
            .param("limit", ServerId::MAX)
            .all()
            .await?;
        Ok(marks.into_iter().filter_map(|mark| Some((ServerId::new(mark.server)?, mark.batch))).collect())
    }
}

/// A condition that the key of the table decides. It is made of numbers of this program only.
fn behind(own: ServerId, marks: &[(ServerId, u64)]) -> String {
    let known: Vec<_> = std::iter::once(own).chain(marks.iter().map(|(server, _)| *server)).collect();
    let known = known.iter().map(ServerId::to_string).collect::<Vec<_>>().join(", ");
    let new = format!("t.server NOT IN ({known})");
    let behind = marks.iter().map(|(server, batch)| format!("t.server = {server} AND t.batch > {batch}"));
    behind.chain([new]).map(|one| format!("({one})")).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_read_behind_its_own_mark_and_new_ones_from_the_beginning() {
        let [own, one, two] = [0, 1, 2047].map(|id| ServerId::new(id).unwrap());
        assert_eq!(behind(own, &[]), "(t.server NOT IN (0))");
        assert_eq!(
            behind(own, &[(one, 5), (two, 7)]),
            "(t.server = 1 AND t.batch > 5) OR (t.server = 2047 AND t.batch > 7) OR (t.server NOT IN (0, 1, 2047))"
        );
    }
}
