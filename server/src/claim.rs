//! Whether this server is the only one with its id: two of them would take each other's batches for their own.
//!
//! A server claims its id in ClickHouse. One that finds the claim of another data directory puts its own above it, and waits: a
//! server that runs looks once a second and renews its claim, and then the newcomer goes. If nobody answers, the other one
//! is gone, and the id is free. A directory that moves takes its claim along.

use crate::spool::Spool;
use crate::store::{Store, StoreError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a running server has to say that it has the id. It looks once a second.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// The pause between two looks for its answer.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Claims the id of this server.
///
/// # Errors
/// Another server has it and runs; ClickHouse is away or gave up.
pub(crate) async fn claim(spool: &Spool, store: &Store) -> Result<(), StoreError> {
    let (server, own) = (spool.server(), spool.instance());
    let before = store.claimant(server).await?;
    if before == Some(own) {
        return Ok(());
    }
    store.claim(server, own).await?;
    let Some(other) = before else { return Ok(()) };
    let mut until = Instant::now() + ANSWER_TIME;
    while Instant::now() < until {
        match store.claimant(server).await {
            Ok(found) if found == Some(own) => {}
            Ok(_) => return Err(StoreError::ServerIdTaken { server }),
            // Then the other one cannot look either. An error would begin anew and find its own claim.
            Err(_) => until = Instant::now() + ANSWER_TIME,
        }
        sleep(LOOK_PAUSE).await;
    }
    tracing::warn!(%server, other, "this server id was that of another data directory, whose server does not run");
    Ok(())
}

/// Renews the claim of this server if another one has put its own above it.
///
/// # Errors
/// ClickHouse is away or gave up.
pub(crate) async fn keep(spool: &Spool, store: &Store) -> Result<(), StoreError> {
    let (server, own) = (spool.server(), spool.instance());
    let found = store.claimant(server).await?;
    if found == Some(own) {
        return Ok(());
    }
    if let Some(other) = found {
        tracing::error!(
            %server,
            other,
            "another server with the same id tries to write to this ClickHouse; give it another LOG_CENTER_SERVER_ID"
        );
    }
    store.claim(server, own).await
}
