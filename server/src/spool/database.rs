//! The store below the spool: where things lie, and what happens when the disk fails.

use super::account::Account;
use super::damage::{self, Loss};
use super::failure::{self, Failures, damaged, plain};
use super::lane::{Cursor, Lane, Range, Reached};
use super::mark::MarkFile;
use super::room::Room;
use super::{SpoolError, SpoolOptions, limits, recovery};
use crate::number::{Numbers, ServerId};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

pub(super) use super::failure::disk;

pub(super) const META_POSITION: &[u8] = b"position";
pub(super) const META_FROZEN: &[u8] = b"frozen";
pub(super) const META_SEEDED: &[u8] = b"seeded";
/// The greatest number of a change of an issue.
pub(super) const META_SEQUENCE: &[u8] = b"sequence";
/// The greatest number of a batch.
pub(super) const META_BATCH: &[u8] = b"batch";
/// Events ever appended.
pub(super) const META_APPENDED: &[u8] = b"appended_events";
/// Events ever found in ClickHouse.
pub(super) const META_STORED: &[u8] = b"stored_events";
/// Names this spool, so that its mark is told from another one's.
pub(super) const META_INSTANCE: &[u8] = b"instance";
/// Which server this one is of those that write to one ClickHouse.
pub(super) const META_SERVER: &[u8] = b"server";
/// Followed by the id of another server as u16 big-endian: the latest batch of it whose changes are in the issue index.
const META_FOLLOWED: &[u8] = b"followed";
/// When the oldest event came that waits, or one before it.
pub(super) const META_SINCE: &[u8] = b"since_ms";

/// How much of the late lane ClickHouse has.
pub(super) const META_LATE: &[u8] = b"late";

/// The opened store.
pub(super) struct Tables {
    pub(super) database: Database,
    /// position u64 big-endian → entry: the main lane.
    pub(super) entries: Keyspace,
    /// The same for the late lane. Both count their positions together.
    late: Keyspace,
    /// Issues, see [`index`](super::index).
    pub(super) issues: Keyspace,
    /// identity → what was answered.
    pub(super) keys: Keyspace,
    /// ordinal u64 big-endian → time, identity: the keys in the order in which they came.
    pub(super) key_order: Keyspace,
    /// Single values, see the `META_` names.
    pub(super) meta: Keyspace,
    /// The names of those that were not there. In a new store: all.
    pub(super) missing: Vec<&'static str>,
}

/// What the spool's thread, its handles and the queue share.
pub(super) struct Shared {
    options: SpoolOptions,
    tables: Mutex<Option<Arc<Tables>>>,
    /// Why the store is closed.
    failures: Failures,
    pub(super) room: Arc<Room>,
    pub(super) seeded: AtomicBool,
    /// By lane.
    pub(super) waiting_bytes: [AtomicU64; 2],
    pub(super) account: Account,
    pub(super) mark: MarkFile,
    /// Of batches and changes of issues.
    pub(super) numbers: Numbers,
    /// What was found lost since this process started.
    pub(super) losses: Mutex<Losses>,
    in_flight_bytes: AtomicUsize,
    pub(super) end: watch::Sender<u64>,
}

/// What was found lost.
#[derive(Default)]
pub(super) struct Losses {
    pub(super) spool: Option<Loss>,
    pub(super) clickhouse: Option<Loss>,
}

impl Tables {
    fn open(directory: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(directory)
            .cache_size(limits::CACHE_BYTES)
            .max_journaling_size(limits::JOURNAL_BYTES)
            .worker_threads(1)
            .open()?;
        let names = ["entries", "late", "issues", "keys", "key_order", "meta"];
        let missing = names.into_iter().filter(|name| !database.keyspace_exists(name)).collect();
        let keyspace = |name: &str, memtable_bytes: u64| {
            database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes))
        };
        let mut tables = Self {
            entries: keyspace("entries", limits::ENTRIES_MEMTABLE_BYTES)?,
            late: keyspace("late", limits::ENTRIES_MEMTABLE_BYTES)?,
            issues: keyspace("issues", limits::INDEX_MEMTABLE_BYTES)?,
            keys: keyspace("keys", limits::INDEX_MEMTABLE_BYTES)?,
            key_order: keyspace("key_order", limits::INDEX_MEMTABLE_BYTES)?,
            meta: keyspace("meta", limits::INDEX_MEMTABLE_BYTES)?,
            missing,
            database,
        };
        tables.empty_what_is_damaged()?;
        Ok(tables)
    }

    /// Reads everything that can be made again, and empties what cannot be read: it counts as missing then. A damaged block
    /// would be found much later otherwise, by whoever needs it.
    fn empty_what_is_damaged(&mut self) -> Result<(), fjall::Error> {
        let groups: [&[(&'static str, &Keyspace)]; 3] = [
            &[("issues", &self.issues)],
            &[("keys", &self.keys), ("key_order", &self.key_order)],
            &[("meta", &self.meta)],
        ];
        for group in groups {
            let read = group.iter().try_for_each(|(_, keyspace)| read_all(keyspace));
            match read {
                Err(error) if failure::is_damage(&error) => {
                    for (name, keyspace) in group {
                        tracing::error!(reason = %plain(&error), part = name, "a part of the spool cannot be read and is emptied");
                        keyspace.clear()?;
                        self.missing.push(name);
                    }
                }
                read => read?,
            }
        }
        Ok(())
    }

    /// Reads everything that waits. That costs a second for each gigabyte or less, so it is done when there is a suspicion.
    fn read_lanes(&self, directory: &Path, mark: &MarkFile) -> Result<(), SpoolError> {
        let read = || Lane::ALL.iter().try_for_each(|lane| read_all(self.lane(*lane)));
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(read) => read.map_err(|error| failure::refusal(directory, mark, &error)),
            Err(_) => Err(SpoolError::Damaged(damaged(directory, mark, failure::PANICKED))),
        }
    }

    pub(super) fn meta_u64(&self, name: &[u8]) -> Result<Option<u64>, fjall::Error> {
        Ok(self.meta.get(name)?.and_then(|value| u64_of(&value)))
    }

    /// The entries of a lane, by their position.
    pub(super) fn lane(&self, lane: Lane) -> &Keyspace {
        match lane {
            Lane::Main => &self.entries,
            Lane::Late => &self.late,
        }
    }

    /// The position before which ClickHouse has everything of the main lane.
    pub(super) fn position(&self) -> Result<u64, SpoolError> {
        Ok(self.meta_u64(META_POSITION).map_err(|error| disk(&error))?.unwrap_or(0))
    }

    /// How much it has of the late lane.
    pub(super) fn cursor(&self) -> Result<Cursor, SpoolError> {
        Ok(self.kept_cursor()?.unwrap_or_default())
    }

    /// The same; `None` in a new spool, and in one that has lost its state.
    pub(super) fn kept_cursor(&self) -> Result<Option<Cursor>, SpoolError> {
        Ok(self.meta.get(META_LATE).map_err(|error| disk(&error))?.and_then(|value| Cursor::read(&value)))
    }

    /// The range that may have been sent.
    pub(super) fn frozen(&self) -> Result<Option<Range>, SpoolError> {
        Ok(self.meta.get(META_FROZEN).map_err(|error| disk(&error))?.and_then(|value| Range::read(&value)))
    }

    /// The latest batch of each other server whose changes are in the issue index.
    pub(super) fn followed(&self) -> Result<Vec<(ServerId, u64)>, fjall::Error> {
        let mut marks = Vec::new();
        for guard in self.meta.prefix(META_FOLLOWED) {
            let (key, value) = guard.into_inner()?;
            let server = key.get(META_FOLLOWED.len()..).and_then(|id| id.try_into().ok());
            let server = server.map(u16::from_be_bytes).and_then(ServerId::new);
            marks.extend(server.zip(u64_of(&value)));
        }
        Ok(marks)
    }

    /// The first entry of a lane that waits, if the lane is at this position.
    pub(super) fn first(&self, lane: Lane, position: u64) -> Result<Option<u64>, SpoolError> {
        let first = self.lane(lane).range(position.to_be_bytes()..).next();
        Ok(match first {
            Some(guard) => u64_of(&guard.key().map_err(|error| disk(&error))?),
            None => None,
        })
    }

    /// Where the lanes are when everything before these positions is in ClickHouse. `end` is a position behind the last entry
    /// that was so before this is asked.
    pub(super) fn reached(&self, position: u64, cursor: Cursor, end: u64) -> Result<Reached, SpoolError> {
        let main = self.first(Lane::Main, position)?.unwrap_or(end.max(position));
        let late = self.first(Lane::Late, cursor.position)?.unwrap_or(end.max(cursor.position));
        Ok(Reached { main, late })
    }
}

fn read_all(keyspace: &Keyspace) -> Result<(), fjall::Error> {
    keyspace.iter().try_for_each(|guard| guard.into_inner().map(drop))
}

/// The name of the value that says how far another server is followed.
pub(super) fn followed_key(server: ServerId) -> Vec<u8> {
    [META_FOLLOWED, &server.get().to_be_bytes()].concat()
}

/// A number as it is stored.
pub(super) fn u64_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

impl Shared {
    pub(super) fn open(options: &SpoolOptions) -> Result<Self, SpoolError> {
        let mark = MarkFile::open(&options.directory, options.store_directory.as_deref())?;
        let (tables, loss) = open_whole(options, &mark)?;
        let clickhouse = damage::store_loss(mark.take_store_lacks());
        let room = Arc::new(Room::new(options.directory.clone()));
        // Whoever asks whether this server takes anything is told right from the start.
        _ = room.check();
        let seeded = tables.meta.get(META_SEEDED).map_err(|error| disk(&error))?.is_some();
        Ok(Self {
            options: options.clone(),
            tables: Mutex::new(Some(Arc::new(tables))),
            failures: Failures::default(),
            room,
            seeded: AtomicBool::new(seeded),
            waiting_bytes: Default::default(),
            account: Account::default(),
            mark,
            numbers: Numbers::new(options.server),
            losses: Mutex::new(Losses { spool: loss, clickhouse }),
            in_flight_bytes: AtomicUsize::new(0),
            end: watch::Sender::new(0),
        })
    }

    /// The store, unless the disk has failed.
    pub(super) fn tables(&self) -> Result<Arc<Tables>, SpoolError> {
        match &*lock(&self.tables) {
            Some(tables) => Ok(Arc::clone(tables)),
            None => Err(self.failure().unwrap_or_else(|| SpoolError::Disk("it is opened again".to_owned()))),
        }
    }

    /// Closes the store after a failed write: what it holds in memory may differ from the disk.
    pub(super) fn fail(&self, error: &fjall::Error) {
        self.fail_as(disk(error), matches!(error, fjall::Error::Poisoned));
    }

    /// Closes the store in which something cannot be read. Only a store that can be read as a whole is opened again.
    pub(super) fn fail_damaged(&self, reason: &str) {
        self.fail_as(SpoolError::Damaged(reason.to_owned()), false);
    }

    fn fail_as(&self, error: SpoolError, is_poisoned: bool) {
        if lock(&self.tables).take().is_none() {
            return;
        }
        let error = match error {
            SpoolError::Damaged(reason) => {
                SpoolError::Damaged(damaged(&self.options.directory, &self.mark, &reason))
            }
            error => error,
        };
        tracing::error!(reason = %error, "the spool cannot be used; everything is refused until it can");
        self.failures.closed(error, is_poisoned);
    }

    /// Closes the store that could not be used after it was opened again.
    pub(super) fn close(&self, error: SpoolError) {
        *lock(&self.tables) = None;
        self.failures.stays(error);
    }

    /// Opens a store that was closed by a failure.
    ///
    /// # Errors
    /// It cannot be used.
    pub(super) fn reopen(&self) -> Result<(), SpoolError> {
        self.failures.may_try()?;
        let (tables, loss) = open_whole(&self.options, &self.mark)?;
        if loss.is_some() {
            lock(&self.losses).spool = loss;
        }
        if self.failures.is_suspect() {
            tables.read_lanes(&self.options.directory, &self.mark)?;
        }
        *lock(&self.tables) = Some(Arc::new(tables));
        self.failures.ended();
        tracing::info!("the spool can write again");
        Ok(())
    }

    /// Why nothing can be written: the store is closed, or there is no room.
    pub(super) fn failure(&self) -> Option<SpoolError> {
        self.failures.why_closed().or_else(|| self.room.failure().map(SpoolError::Disk))
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes() >= self.options.max_bytes
    }

    /// How many bytes wait for ClickHouse in both lanes.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Takes room in memory until the guard is dropped.
    pub(super) fn reserve(&self, bytes: usize) -> Result<Reservation<'_>, SpoolError> {
        let before = self.in_flight_bytes.fetch_add(bytes, Ordering::Relaxed);
        let reservation = Reservation { shared: self, bytes };
        if before > 0 && before + bytes > limits::WAITING_BYTES {
            return Err(SpoolError::Overloaded);
        }
        Ok(reservation)
    }
}

pub(super) struct Reservation<'a> {
    shared: &'a Shared,
    bytes: usize,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.shared.in_flight_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Opens the store and brings it and its mark to the same state. Tells what is lost.
fn open_whole(options: &SpoolOptions, mark: &MarkFile) -> Result<(Tables, Option<Loss>), SpoolError> {
    let directory = &*options.directory;
    // The store below takes some damaged files for its own mistakes, and panics.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let tables = Tables::open(directory).map_err(|error| failure::refusal(directory, mark, &error))?;
        let damage = recovery::reconcile(&tables, mark, options).map_err(|error| match error {
            SpoolError::Damaged(reason) => SpoolError::Damaged(damaged(directory, mark, &reason)),
            error => error,
        })?;
        Ok((tables, damage))
    }));
    let opened =
        opened.unwrap_or_else(|_| Err(SpoolError::Damaged(damaged(directory, mark, failure::PANICKED))));
    let (tables, damage) = opened?;
    let loss = damage.map(|damage| damage.loss());
    if let Some(Loss { events, reason, action, .. }) = &loss {
        metrics::counter!("log_center_lost_events_total").increment(*events);
        tracing::error!(lost_events = events, path = %directory.display(), action, "{reason}");
    }
    Ok((tables, loss))
}

/// A panic elsewhere leaves these values whole: each is replaced at once.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
