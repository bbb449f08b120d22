//! What other servers on the same ClickHouse write of issues, taken into the issue index: so that an issue of theirs is found and
//! changed here, and is reopened by an occurrence that comes here.
//!
//! Each server's changes are in one log, in the order in which it wrote them, and the index keeps one mark a server. So a look
//! reads only what is new, misses nothing however late it comes, and depends on no clock. Until a server has followed, it may
//! call an issue new that another one has made a second before; counts and states are right all the same.

use crate::claim;
use crate::number::ServerId;
use crate::recurring::Recurring;
use crate::spool::{KnownIssue, Spool, SpoolError};
use crate::store::issue_log::IssueChange;
use crate::store::{Cause, Store, StoreError, limits};
use log_center_wire::Fingerprint;
use std::fmt;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The pause between two looks.
const PACE: Duration = Duration::from_secs(1);

/// How long somebody who wants to change an issue waits for a look. After that what is known here decides.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why a look failed.
enum Failure {
    Store(StoreError),
    Spool(SpoolError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Store(error) => error.fmt(f),
            Failure::Spool(error) => error.fmt(f),
        }
    }
}

/// Follows the other servers until it is dropped.
pub(crate) async fn run(spool: Spool, store: Store) {
    let failures = Recurring::new();
    loop {
        match look_and_keep_id(&spool, &store).await {
            Ok(()) => _ = failures.ended(),
            // The spool, and that ClickHouse is away, are told by those who need them.
            Err(Failure::Spool(_)) => {}
            Err(Failure::Store(error)) if matches!(error.cause(), Cause::Unreachable | Cause::TimedOut) => {}
            Err(Failure::Store(error)) => {
                if let Some(times) = failures.came(error.cause()) {
                    tracing::warn!(%error, times, "what other servers wrote of issues cannot be read; trying on");
                }
            }
        }
        sleep(PACE).await;
    }
}

/// Looks once, for somebody who is about to change an issue.
pub(crate) async fn look_now(spool: &Spool, store: &Store) {
    match timeout(PATIENCE, look(spool, store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "what other servers wrote of issues cannot be read"),
        Err(_) => tracing::debug!("what other servers wrote of issues is not read in time"),
    }
}

async fn look_and_keep_id(spool: &Spool, store: &Store) -> Result<(), Failure> {
    claim::keep(spool, store).await.map_err(Failure::Store)?;
    look(spool, store).await
}

async fn look(spool: &Spool, store: &Store) -> Result<(), Failure> {
    loop {
        let marks = spool.followed().map_err(Failure::Spool)?;
        let changes = store.issue_changes(spool.server(), &marks).await.map_err(Failure::Store)?;
        let is_more = changes.len() >= limits::ISSUE_CHANGES_AT_ONCE as usize;
        if changes.is_empty() {
            return Ok(());
        }
        let marks = changes.iter().map(|change| (ServerId::of(change.batch), change.batch)).collect();
        let issues = changes.into_iter().filter_map(known).collect();
        spool.follow(issues, marks).await.map_err(Failure::Spool)?;
        if !is_more {
            return Ok(());
        }
    }
}

/// `None` for a state that only a later program knows.
fn known(change: IssueChange) -> Option<KnownIssue> {
    Some(KnownIssue {
        fingerprint: Fingerprint::from_bytes(change.fingerprint),
        project: change.project,
        status: change.status.parse().ok()?,
        sequence: change.sequence,
    })
}
