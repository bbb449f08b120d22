//! Which statements run, and how one is ended from outside.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::admission::Turn;
use super::{Caller, killer};
use crate::chdb::Engine;
use crate::exception::{Exception, Kind};
use crate::limits::{END_TIME, OVERTIME, STATEMENTS_THAT_DO_NOT_END};
use crate::sql::Effect;

/// What a statement is doing, as far as ending it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its text is still coming in, or it waits for its turn; nothing runs.
    Arriving,
    Executing(Effect),
    /// It inserts the data of its request. Cut data ends it by itself; whole data is committed.
    Inserting,
}

/// What becomes of a statement before its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Going,
    Cancelled,
    /// It was cancelled and does not end. Nobody waits for it any more.
    GivenUp,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) id: String,
    caller: Caller,
    phase: Mutex<Phase>,
    /// The beginning of its text, once that is known.
    text: Mutex<String>,
    fate: watch::Sender<Fate>,
    cancelled_at: Mutex<Option<Instant>>,
    ended: AtomicBool,
}

/// Most of a statement's text that is kept to be shown.
const SHOWN_CHARACTERS: usize = 1024;

impl Entry {
    pub(crate) fn set_phase(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    pub(crate) fn set_text(&self, sql: &str) {
        *lock(&self.text) = sql.chars().take(SHOWN_CHARACTERS).collect();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        *self.fate.borrow() >= Fate::Cancelled
    }

    /// Returns when the statement was cancelled.
    pub(crate) async fn cancelled(&self) {
        // The sender is `self`, so it cannot be gone.
        drop(self.fate.subscribe().wait_for(|fate| *fate >= Fate::Cancelled).await);
    }

    /// Returns when nobody should wait for the statement any more.
    pub(crate) async fn given_up(&self) {
        drop(self.fate.subscribe().wait_for(|fate| *fate >= Fate::GivenUp).await);
    }

    /// The user's name, as ClickHouse shows it.
    pub(crate) fn user(&self) -> &'static str {
        match self.caller {
            Caller::Writer => "default",
            Caller::Reader | Caller::Stranger(_) => "reader",
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// A turn that can be taken away from a statement that does not end.
#[derive(Debug)]
struct Hold {
    entry: Arc<Entry>,
    turn: Mutex<Option<Turn>>,
    /// By when it has to end by itself.
    due: Option<Instant>,
    /// Its thread is free again.
    is_over: AtomicBool,
}

/// A statement's turn, which goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held(Arc<Hold>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
        drop(lock(&self.0.turn).take());
    }
}

/// A statement as `KILL QUERY` shows it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) entry: Arc<Entry>,
}

/// The statements of this engine, by query id.
#[derive(Debug)]
pub(crate) struct Running {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    held: Mutex<Vec<Arc<Hold>>>,
    killer: mpsc::Sender<Arc<Entry>>,
}

impl Running {
    /// Starts the thread that ends statements; it ends when this is dropped.
    pub(crate) fn new(engine: Arc<Engine>) -> std::io::Result<Self> {
        let (killer, orders) = mpsc::channel();
        std::thread::Builder::new().name("killer".to_owned()).spawn(move || killer::run(&engine, &orders))?;
        Ok(Self { entries: Mutex::default(), held: Mutex::default(), killer })
    }

    /// Enters a statement. An id that is running already is refused, as in ClickHouse.
    pub(crate) fn enter(self: &Arc<Self>, id: &str, caller: Caller) -> Result<Registration, Exception> {
        let entry = Arc::new(Entry {
            id: id.to_owned(),
            caller,
            phase: Mutex::new(Phase::Arriving),
            text: Mutex::default(),
            fate: watch::Sender::new(Fate::Going),
            cancelled_at: Mutex::new(None),
            ended: AtomicBool::new(false),
        });
        let mut entries = lock(&self.entries);
        if entries.contains_key(id) {
            return Err(Exception::new(
                Kind::QueryWithSameIdIsAlreadyRunning,
                format_args!("Query with id = {id} is already running"),
            ));
        }
        entries.insert(id.to_owned(), entry.clone());
        Ok(Registration { running: self.clone(), entry })
    }

    /// Notes that a statement begins. `time` is how long it may run by its own limit.
    pub(crate) fn hold(&self, entry: &Arc<Entry>, turn: Turn, time: Option<Duration>) -> Held {
        let hold = Arc::new(Hold {
            entry: entry.clone(),
            turn: Mutex::new(Some(turn)),
            due: time.and_then(|time| Instant::now().checked_add(time)?.checked_add(OVERTIME)),
            is_over: AtomicBool::new(false),
        });
        lock(&self.held).push(hold.clone());
        Held(hold)
    }

    /// Cancels what is over its time, and gives up what was cancelled and does not end: its client is told, and its turn goes to others.
    /// Of the latter there are only so many, because each keeps a thread and may keep a processor.
    ///
    /// True if that many have not ended for `stuck`, and the engine is of little use.
    pub(crate) fn look_after(&self, stuck: Duration) -> bool {
        let now = Instant::now();
        let mut held = lock(&self.held);
        held.retain(|hold| !hold.is_over.load(Ordering::Acquire));
        let mut without_turn = held.iter().filter(|hold| lock(&hold.turn).is_none()).count();
        let mut are_stuck = 0;
        for hold in held.iter() {
            let entry = &hold.entry;
            let cancelled_at = *lock(&entry.cancelled_at);
            match cancelled_at {
                None if hold.due.is_some_and(|due| due <= now) => self.cancel(entry),
                Some(at) if now.duration_since(at) >= END_TIME => {
                    are_stuck += usize::from(now.duration_since(at) >= END_TIME + stuck);
                    if *entry.fate.borrow() != Fate::GivenUp {
                        tracing::warn!(query_id = entry.id, "a statement does not end and is given up");
                        entry.fate.send_replace(Fate::GivenUp);
                    }
                    if without_turn < STATEMENTS_THAT_DO_NOT_END && lock(&hold.turn).take().is_some() {
                        without_turn += 1;
                    }
                }
                _ => {}
            }
        }
        are_stuck >= STATEMENTS_THAT_DO_NOT_END
    }

    /// The running statements with these ids that a caller may end: a writer all, a reader his own.
    pub(crate) fn find(&self, ids: &[String], caller: Caller) -> Vec<Found> {
        let entries = lock(&self.entries);
        let found = ids.iter().filter_map(|id| entries.get(id));
        found
            .filter(|entry| caller == Caller::Writer || caller == entry.caller)
            .map(|entry| Found {
                id: entry.id.clone(),
                text: lock(&entry.text).clone(),
                entry: entry.clone(),
            })
            .collect()
    }

    /// Ends a statement whose client is gone, unless it is one that should commit.
    fn abandon(&self, entry: &Arc<Entry>) {
        let phase = *lock(&entry.phase);
        if phase != Phase::Inserting {
            self.cancel(entry);
        }
    }

    pub(crate) fn cancel(&self, entry: &Arc<Entry>) {
        lock(&entry.cancelled_at).get_or_insert_with(Instant::now);
        entry.fate.send_if_modified(|fate| {
            let goes_on = *fate == Fate::Going;
            if goes_on {
                *fate = Fate::Cancelled;
            }
            goes_on
        });
        if !entry.has_ended() && *lock(&entry.phase) != Phase::Arriving {
            // Fails only when the thread is gone, at the very end of the process.
            drop(self.killer.send(entry.clone()));
        }
    }

    /// Ends what only reads or has not begun; for a stop. What a writer is still sending may be data.
    pub(crate) fn cancel_reads(&self) {
        for entry in self.all() {
            let phase = *lock(&entry.phase);
            let may_insert = entry.caller == Caller::Writer;
            if phase == Phase::Executing(Effect::Reads) || (phase == Phase::Arriving && !may_insert) {
                self.cancel(&entry);
            }
        }
    }

    /// Ends everything; for a stop whose deadline has passed.
    pub(crate) fn cancel_all(&self) {
        for entry in self.all() {
            self.cancel(&entry);
        }
    }

    pub(crate) fn count(&self) -> usize {
        lock(&self.entries).len()
    }

    fn all(&self) -> Vec<Arc<Entry>> {
        lock(&self.entries).values().cloned().collect()
    }
}

/// A statement's place among the running ones; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    running: Arc<Running>,
    entry: Arc<Entry>,
}

impl Registration {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The client's side of it.
    pub(crate) fn watch(&self) -> ClientWatch {
        ClientWatch { running: self.running.clone(), entry: self.entry.clone() }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.entry.ended.store(true, Ordering::Release);
        lock(&self.running.entries).remove(&self.entry.id);
    }
}

/// Held by whatever lives as long as the client listens. Dropped while the statement still runs, it ends
/// the statement.
#[derive(Debug)]
pub(crate) struct ClientWatch {
    running: Arc<Running>,
    entry: Arc<Entry>,
}

impl Drop for ClientWatch {
    fn drop(&mut self) {
        if !self.entry.has_ended() {
            self.running.abandon(&self.entry);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
