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
//! Only for the embedded ClickHouse: the files of another one cannot be seen from here.

use crate::engine_child::EngineControl;
use crate::store::part::{self, ActivePart};
use crate::store::{Store, StoreError};
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

/// How often the parts that merges wrote are looked at. What was merged has to be kept for longer.
const CHECK_PERIOD: Duration = Duration::from_secs(1);

/// How often parts that were put aside are counted, in periods of [`CHECK_PERIOD`].
const DETACHED_PERIODS: u32 = 10;

/// Files of a part that ClickHouse does not count into its size on disk.
const UNCOUNTED_FILES: [&str; 7] = [
    "checksums.txt",
    "columns.txt",
    "columns_substreams.txt",
    "default_compression_codec.txt",
    "metadata_version.txt",
    "txn_version.txt",
    "uuid.txt",
];

/// Files without which ClickHouse cannot read a part, and which are never empty.
const NEEDED_FILES: [&str; 2] = ["checksums.txt", "columns.txt"];

/// The parts of the tables.
pub struct Parts {
    store: Store,
    /// `None`: the ClickHouse is somebody else's.
    engine: Option<EngineControl>,
    /// Those that were found whole, by table and name. A name is never used twice.
    whole: Mutex<HashSet<(String, String)>>,
    put_aside: AtomicU64,
    detached: AtomicU64,
}

impl Parts {
    /// Looks after the parts of this store's tables.
    pub fn new(store: Store, engine: Option<EngineControl>) -> Self {
        Self {
            store,
            engine,
            whole: Mutex::default(),
            put_aside: AtomicU64::new(0),
            detached: AtomicU64::new(0),
        }
    }

    /// How many damaged parts were put aside since the start. Whoever wrote something and finds after the next
    /// [`check`](Self::check) that the number grew has to look whether it is still there.
    pub fn put_aside(&self) -> u64 {
        self.put_aside.load(Ordering::Relaxed)
    }

    /// How many damaged parts lie in the folders `detached` of the tables.
    pub fn detached(&self) -> u64 {
        self.detached.load(Ordering::Relaxed)
    }

    /// Looks at all parts that are new since the last look, and puts damaged ones aside. One look at a time.
    ///
    /// # Errors
    /// ClickHouse does not answer, or the server is stopping.
    pub async fn check(&self) -> Result<(), StoreError> {
        let Some(engine) = &self.engine else { return Ok(()) };
        let mut whole = self.whole.lock().await;
        let (active, suspects) = self.look(&whole).await?;
        whole.retain(|name| active.contains(name));
        if suspects.is_empty() {
            whole.extend(active);
            return Ok(());
        }
        // A part that was merged or dropped during the look is not active any more at the second one.
        let (_, damaged) = self.look(&whole).await?;
        let damaged: Vec<_> = damaged.into_iter().filter(|part| suspects.contains(part)).collect();
        if damaged.is_empty() {
            return Ok(());
        }
        for part in &damaged {
            tracing::error!(
                table = part.table,
                part = part.name,
                rows = part.rows,
                path = part.path,
                "a part was not written as ClickHouse believes, as when the disk is full; it is put aside and its rows \
                 are brought back"
            );
        }
        let count = damaged.len() as u64;
        metrics::counter!("log_center_parts_put_aside_total").increment(count);
        self.put_aside.fetch_add(count, Ordering::Relaxed);
        let move_all = move || damaged.iter().for_each(put_aside);
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
            if let Err(error) = self.check().await {
                // Whoever queries notices that ClickHouse is away; the look is made when it is back.
                tracing::debug!(%error, "the parts cannot be looked at");
            }
            if period % DETACHED_PERIODS == 0
                && let Ok(detached) = part::detached(&self.store).await
            {
                self.detached.store(detached, Ordering::Relaxed);
                metrics::gauge!("log_center_parts_detached").set(detached as f64);
            }
            period = period.wrapping_add(1);
        }
    }

    /// The names of all active parts, and those of the new ones that are not whole.
    async fn look(
        &self,
        whole: &HashSet<(String, String)>,
    ) -> Result<(HashSet<(String, String)>, Vec<ActivePart>), StoreError> {
        let parts = part::active(&self.store).await?;
        let names = parts.iter().map(|part| (part.table.clone(), part.name.clone())).collect();
        let new = parts.into_iter().filter(|part| !whole.contains(&(part.table.clone(), part.name.clone())));
        let new: Vec<_> = new.collect();
        let looked = tokio::task::spawn_blocking(move || {
            new.into_iter().filter(|part| !is_whole(Path::new(&part.path), part.bytes_on_disk)).collect()
        });
        // The look neither panics nor is cancelled.
        Ok((names, looked.await.unwrap_or_default()))
    }
}

/// Whether the files of a part have the sizes that ClickHouse believes.
fn is_whole(directory: &Path, expected_bytes: u64) -> bool {
    let is_needed_there = |name| std::fs::metadata(directory.join(name)).is_ok_and(|file| file.len() > 0);
    let counted_bytes = || -> io::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if !UNCOUNTED_FILES.iter().any(|name| entry.file_name() == *name) {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    };
    // More than expected is no damage: a newer ClickHouse may write files that nobody here knows.
    NEEDED_FILES.into_iter().all(is_needed_there)
        && counted_bytes().is_ok_and(|bytes| bytes >= expected_bytes)
}

/// Moves a part where ClickHouse does not load it from. The engine must be down.
fn put_aside(part: &ActivePart) {
    let directory = Path::new(&part.path);
    let Some(table) = directory.parent() else { return };
    let detached = table.join("detached");
    let free = (0..).map(|number| match number {
        0 => detached.join(format!("broken_{}", part.name)),
        number => detached.join(format!("broken_{}_try{number}", part.name)),
    });
    let moved = std::fs::create_dir_all(&detached).and_then(|()| {
        match free.into_iter().find(|path| !path.exists()) {
            Some(path) => std::fs::rename(directory, path),
            None => Ok(()),
        }
    });
    if let Err(error) = moved {
        tracing::error!(%error, part = part.name, path = part.path, "the damaged part cannot be moved; trying on");
    }
}
