//! Parts that ClickHouse cannot read although their files have the right sizes: which they are is in its own words.

use crate::store::part::{self, ActivePart};
use crate::store::{Cause, Store, StoreError};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the other parts of a table are looked at when one of them cannot be read: disks seldom damage one alone.
const NEIGHBOURS_TIME: Duration = Duration::from_secs(5);

/// So many failures of reading are remembered until somebody looks for their parts; the same part fails many times.
const NOTICED_MAX: usize = 16;

static NOTICED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers that somebody could not read a part, to be looked for by [`Parts::watch`](super::Parts::watch).
pub(crate) fn notice(error: &StoreError) {
    let mut noticed = NOTICED.lock().unwrap_or_else(PoisonError::into_inner);
    if error.cause() == Cause::PartBroken && noticed.len() < NOTICED_MAX {
        noticed.push(error.to_string());
    }
}

pub(super) fn take_noticed() -> Vec<String> {
    std::mem::take(&mut *NOTICED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Those of the parts whose folders these words name.
pub(super) fn named(parts: Vec<ActivePart>, words: &[String]) -> Vec<ActivePart> {
    let is_named = |part: &ActivePart| {
        // The way to the data may be written in several forms; from the table's own folder on there is one.
        let folder = Path::new(&part.path);
        let table = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let folder = format!("{table}/{}/", part.name);
        words.iter().any(|words| words.contains(&folder))
    };
    parts.into_iter().filter(is_named).collect()
}

/// Those of the parts that ClickHouse itself finds damaged, the smallest first, as far as the time goes.
pub(super) async fn damaged(store: &Store, mut parts: Vec<ActivePart>) -> Vec<ActivePart> {
    let started = Instant::now();
    parts.sort_by_key(|part| part.bytes_on_disk);
    let mut damaged = Vec::new();
    for part in parts {
        let left = NEIGHBOURS_TIME.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, part::is_damaged(store, &part)).await {
            Ok(Ok(true)) => damaged.push(part),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    damaged
}
