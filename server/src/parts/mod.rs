//! Whether what ClickHouse wrote is on the disk: the parts of our tables, looked at after they were written.
//!
//! When the disk is full for a moment, the embedded ClickHouse may take a part into use one of whose files is empty or
//! cut off, after a merge as well as after an insert. It notices when somebody reads that file; by then it has removed
//! the parts that were merged, or the spool has forgotten the rows. So each new part is looked at here before a range
//! leaves the spool, and once a second for merges: the sizes of its files must add up to what ClickHouse believes to
//! have written. That costs one small query and one `stat` a file.
//!
//! A damaged part is moved to the folder `detached` of its table while the engine is stopped. When the engine starts
//! again, the parts that had been merged into it are active again, because they are kept for `old_parts_lifetime`; the rows of a
//! damaged insert are sent again by the writer.
//!
//! A part whose files have the right sizes and another content is found by whoever reads it. If that is this server itself,
//! which could not start or write otherwise, the part is put aside as well. If only others fail at it, it is told and left
//! where it is: the rest of its columns may be worth more to them.
//!
//! Only for the embedded ClickHouse: the files of another one cannot be seen from here.

mod files;
mod ledger;
mod telling;
mod unreadable;

use crate::engine_child::EngineControl;
use crate::store::part::{self, ActivePart};
use crate::store::{Cause, Store, StoreError};
use ledger::Ledger;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
pub use telling::{ASIDE_ACTION, Broken, UNREADABLE_ACTION};
use telling::{Known, by_table};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
pub(crate) use unreadable::notice;

/// How often the parts that merges wrote are looked at. ClickHouse keeps what was merged for 15 times as long
/// (`old_parts_lifetime`).
const CHECK_PERIOD: Duration = Duration::from_secs(1);

/// How often parts that were put aside are counted, in periods of [`CHECK_PERIOD`].
const DETACHED_PERIODS: u32 = 10;

/// The parts of the tables.
pub struct Parts {
    store: Store,
    /// `None`: the ClickHouse is somebody else's.
    engine: Option<EngineControl>,
    /// The same.
    ledger: Option<Arc<Ledger>>,
    /// What the ledger says; `None` until it was compared.
    noted: Mutex<Option<HashSet<(String, String)>>>,
    /// Those that were found whole, by table and name. A name is never used twice.
    whole: Mutex<HashSet<(String, String)>>,
    put_aside: AtomicU64,
    broken: StdMutex<Broken>,
}

impl Parts {
    /// Looks after the parts of this store's tables.
    pub fn new(store: Store, engine: Option<(EngineControl, &Path)>) -> Self {
        let ledger = engine.as_ref().map(|(_, directory)| Arc::new(Ledger::new(directory)));
        Self {
            store,
            engine: engine.map(|(engine, _)| engine),
            ledger,
            noted: Mutex::default(),
            whole: Mutex::default(),
            put_aside: AtomicU64::new(0),
            broken: StdMutex::default(),
        }
    }

    /// How many damaged parts were put aside since the start. Whoever wrote something and finds after the next
    /// [`check`](Self::check) that the number grew has to look whether it is still there.
    pub fn put_aside(&self) -> u64 {
        self.put_aside.load(Ordering::Relaxed)
    }

    /// Looks at all parts that are new since the last look, and puts damaged ones aside. One look at a time.
    ///
    /// # Errors
    /// ClickHouse does not answer, or the server is stopping.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.check_active().await.map(drop)
    }

    /// The same. Gives the active parts if all of them are whole.
    async fn check_active(&self) -> Result<Option<Vec<ActivePart>>, StoreError> {
        let Some(engine) = &self.engine else { return Ok(None) };
        let mut whole = self.whole.lock().await;
        let (parts, suspects) = self.look(&whole).await?;
        let active = names(&parts);
        whole.retain(|name| active.contains(name));
        if suspects.is_empty() {
            whole.extend(active);
            return Ok(Some(parts));
        }
        // A part that was merged or dropped during the look is not active any more at the second one.
        let (_, damaged) = self.look(&whole).await?;
        let damaged: Vec<_> = damaged.into_iter().filter(|part| suspects.contains(part)).collect();
        if damaged.is_empty() {
            return Ok(None);
        }
        for (table, parts) in by_table(&damaged) {
            tracing::error!(
                code = Cause::PartBroken.code(),
                table,
                parts = parts.names,
                rows = parts.rows,
                "parts were not written as ClickHouse believes, as when the disk is full; they are put aside and their rows are \
                 brought back"
            );
        }
        self.move_aside(engine, damaged).await?;
        Ok(None)
    }

    /// Puts that part aside that kept this server itself from reading, with the damaged ones beside it. Nothing is done about
    /// another failure, nor in the ClickHouse of somebody else.
    ///
    /// # Errors
    /// ClickHouse does not answer, or the server is stopping.
    pub async fn clear_way(&self, failure: &StoreError) -> Result<(), StoreError> {
        let Some(engine) = self.engine.as_ref().filter(|_| failure.cause() == Cause::PartBroken) else {
            return Ok(());
        };
        let words = [failure.to_string()];
        let active = part::active(&self.store).await?;
        let mut damaged = unreadable::named(active.clone(), &words);
        let Some(table) = damaged.first().map(|part| part.table.clone()) else { return Ok(()) };
        let beside = active.into_iter().filter(|part| part.table == table && !damaged.contains(part));
        damaged.extend(unreadable::damaged(&self.store, beside.collect()).await);
        for (table, parts) in by_table(&damaged) {
            tracing::error!(
                code = Cause::PartBroken.code(),
                table,
                parts = parts.names,
                rows = parts.rows,
                reason = words[0],
                action = ASIDE_ACTION,
                "parts that this server needs cannot be read; they are put aside"
            );
        }
        self.move_aside(engine, damaged).await?;
        self.count_detached(Known::Told).await
    }

    async fn move_aside(&self, engine: &EngineControl, damaged: Vec<ActivePart>) -> Result<(), StoreError> {
        let count = damaged.len() as u64;
        metrics::counter!("log_center_parts_put_aside_total").increment(count);
        self.put_aside.fetch_add(count, Ordering::Relaxed);
        let move_all = move || damaged.iter().for_each(files::put_aside);
        if engine.while_stopped(move_all).await.is_err() {
            return Err(StoreError::TimedOut { statement: "a part is put aside".to_owned() });
        }
        Ok(())
    }

    /// Looks at what merges wrote until the server stops.
    pub async fn watch(&self, mut stopped: watch::Receiver<bool>) {
        let mut period = 0;
        loop {
            tokio::select! {
                () = sleep(CHECK_PERIOD) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            match self.check_active().await {
                // Here and not after each batch: the ledger names all parts.
                Ok(Some(parts)) => self.note(parts).await,
                Ok(None) => {}
                // Whoever queries notices that ClickHouse is away; the look is made when it is back.
                Err(error) => tracing::debug!(%error, "the parts cannot be looked at"),
            }
            let mut looked = self.look_for_unreadable().await;
            if period % DETACHED_PERIODS == 0 {
                looked = looked.and(self.count_detached(Known::Told).await);
            }
            if let Err(error) = looked {
                tracing::debug!(%error, "the damaged parts cannot be looked for");
            }
            period = period.wrapping_add(1);
        }
    }

    /// All active parts, and those of the new ones that are not whole.
    async fn look(
        &self,
        whole: &HashSet<(String, String)>,
    ) -> Result<(Vec<ActivePart>, Vec<ActivePart>), StoreError> {
        let parts = part::active(&self.store).await?;
        let is_new = |part: &&ActivePart| !whole.contains(&(part.table.clone(), part.name.clone()));
        let new: Vec<_> = parts.iter().filter(is_new).cloned().collect();
        let looked = tokio::task::spawn_blocking(move || {
            new.into_iter().filter(|part| !files::is_whole(part)).collect()
        });
        // The look neither panics nor is cancelled.
        Ok((parts, looked.await.unwrap_or_default()))
    }
}

/// The tables and names.
fn names(parts: &[ActivePart]) -> HashSet<(String, String)> {
    parts.iter().map(|part| (part.table.clone(), part.name.clone())).collect()
}
