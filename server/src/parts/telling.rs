//! What is told of damaged parts, in the log and in `/health`.

use super::ledger::Missing;
use super::{Parts, files, unreadable};
use crate::clock;
use crate::spool::Loss;
use crate::store::part::{self, ActivePart, DetachedPart};
use crate::store::{Cause, StoreError};
use std::collections::{BTreeMap, HashSet};
use std::sync::{MutexGuard, PoisonError};

/// So many parts of a table are named in one place.
const NAMED_MAX: usize = 10;

/// What to do about a part in `detached`.
pub const ASIDE_ACTION: &str = "Look after the disk. See in the log whether the part's rows were brought back; if not, ALTER TABLE \
    ... ATTACH PART what a backup has of it. Then delete the folder; see docs/operations.md.";

/// What to do about a part that is in its place and cannot be read.
pub const UNREADABLE_ACTION: &str = "Look after the disk. What reads other parts or columns works. ALTER TABLE ... DETACH PART it, \
    and all of the table can be read again without its rows; bring these back from a backup. See docs/operations.md.";

/// What to do about rows that are gone.
const MISSING_ACTION: &str = "Look after the disk, and whether somebody removed files. What ClickHouse could not load lies in the folders \
    `detached` of the tables; the rest comes back only from a backup. Figures that were added up before stay. See docs/operations.md.";

/// Whether parts that this server put aside were told already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Told,
    /// By an earlier run at most.
    New,
}

/// What is told of damaged parts.
#[derive(Debug, Clone, Default)]
pub struct Broken {
    /// Those in the folders `detached`, as `table/folder`.
    pub detached: Vec<String>,
    /// Those that could not be read and are in their places, as `table/part`, with how often somebody failed at them.
    pub unreadable: BTreeMap<String, u64>,
}

/// Parts of one table.
#[derive(Default)]
pub(super) struct Group {
    /// Some names.
    pub(super) names: String,
    pub(super) rows: u64,
}

pub(super) fn by_table(parts: &[ActivePart]) -> BTreeMap<&str, Group> {
    group(parts.iter().map(|part| (part.table.as_str(), part.name.as_str(), part.rows)).collect())
}

fn group<'a>(parts: Vec<(&'a str, &'a str, u64)>) -> BTreeMap<&'a str, Group> {
    let mut tables: BTreeMap<&str, (Vec<String>, u64)> = BTreeMap::new();
    for (table, name, rows) in parts {
        let (names, sum) = tables.entry(table).or_default();
        names.push(name.to_owned());
        *sum += rows;
    }
    let grouped =
        |(table, (names, rows)): (_, (Vec<_>, _))| (table, Group { names: shortened(&names), rows });
    tables.into_iter().map(grouped).collect()
}

fn shortened(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED_MAX)].join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Parts {
    /// The damaged parts, as far as they are known.
    pub fn broken(&self) -> Broken {
        self.lock_broken().clone()
    }

    fn lock_broken(&self) -> MutexGuard<'_, Broken> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for parts in the folders `detached`, which ClickHouse puts there, too, when it starts; and tells new ones.
    ///
    /// # Errors
    /// ClickHouse does not answer.
    pub async fn look_for_detached(&self) -> Result<(), StoreError> {
        self.count_detached(Known::New).await
    }

    pub(super) async fn count_detached(&self, known: Known) -> Result<(), StoreError> {
        let detached = part::detached(&self.store).await?;
        let full_name = |part: &DetachedPart| format!("{}/{}", part.table, part.name);
        metrics::gauge!("log_center_parts_detached").set(detached.len() as f64);
        let names = detached.iter().map(full_name).collect();
        let before = std::mem::replace(&mut self.lock_broken().detached, names);
        // Those that this server put aside were told by then, with more words.
        let is_told = |part: &DetachedPart| {
            before.contains(&full_name(part)) || known == Known::Told && part.name.starts_with(files::ASIDE)
        };
        let rows = |part: &DetachedPart| files::rows(&part.path).unwrap_or(0);
        let new = detached.iter().filter(|part| !is_told(part));
        let new: Vec<_> = new.map(|part| (part.table.as_str(), part.name.as_str(), rows(part))).collect();
        for (table, parts) in group(new) {
            tracing::error!(
                code = Cause::PartBroken.code(),
                table,
                parts = parts.names,
                rows = parts.rows,
                action = ASIDE_ACTION,
                "damaged parts lie in the folder `detached` of their table; their rows are not read"
            );
        }
        Ok(())
    }

    /// Tells, once, what the tables had when the server ran last and have no more.
    ///
    /// # Errors
    /// ClickHouse does not answer.
    pub async fn compare_with_last_run(&self) -> Result<Option<Loss>, StoreError> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let mut noted = self.noted.lock().await;
        if noted.is_some() {
            return Ok(None);
        }
        let active = part::active(&self.store).await?;
        *noted = Some(HashSet::new());
        drop(noted);
        let mut loss = None;
        for Missing { table, parts, rows } in ledger.missing(&active, clock::now()) {
            let names = shortened(&parts);
            tracing::error!(
                code = Cause::PartBroken.code(),
                table,
                rows,
                parts = names,
                action = MISSING_ACTION,
                "rows are gone since the server ran last"
            );
            let reason = format!("up to {rows} rows of {table} are gone since the server ran last: {names}");
            let events = if table == "event_store" { rows } else { 0 };
            metrics::counter!("log_center_lost_events_total").increment(events);
            // Events before what is added up of them.
            if loss.is_none() || events > 0 {
                loss = Some(Loss { events, reason, action: MISSING_ACTION, half_sent: None });
            }
        }
        // So that it is told once, however soon the server ends.
        self.note(active).await;
        Ok(loss)
    }

    /// Notes which parts there are, once what was noted before is compared.
    pub(super) async fn note(&self, active: Vec<ActivePart>) {
        let Some(ledger) = self.ledger.clone() else { return };
        let mut noted = self.noted.lock().await;
        let names = super::names(&active);
        if noted.as_ref().is_none_or(|noted| *noted == names) {
            return;
        }
        match tokio::task::spawn_blocking(move || ledger.write(&active)).await {
            Ok(Ok(())) => *noted = Some(names),
            // On a full disk, which others tell.
            outcome => tracing::debug!(?outcome, "the parts cannot be noted"),
        }
    }

    /// Finds the parts at which others failed, and forgets those that are not in their places any more.
    pub(super) async fn look_for_unreadable(&self) -> Result<(), StoreError> {
        let words = unreadable::take_noticed();
        if words.is_empty() && self.lock_broken().unreadable.is_empty() {
            return Ok(());
        }
        let active = part::active(&self.store).await?;
        let full_name = |part: &ActivePart| format!("{}/{}", part.table, part.name);
        let names: HashSet<_> = active.iter().map(full_name).collect();
        let found = unreadable::named(active, &words);
        let mut broken = self.lock_broken();
        broken.unreadable.retain(|name, _| names.contains(name));
        let mut new = Vec::new();
        for part in found {
            let times = broken.unreadable.entry(full_name(&part)).or_default();
            *times += 1;
            new.extend((*times == 1).then_some(part));
        }
        for (table, parts) in by_table(&new) {
            tracing::error!(
                code = Cause::PartBroken.code(),
                table,
                parts = parts.names,
                rows = parts.rows,
                action = UNREADABLE_ACTION,
                "parts cannot be read; they are left in their places"
            );
        }
        metrics::gauge!("log_center_parts_unreadable").set(broken.unreadable.len() as f64);
        Ok(())
    }
}
