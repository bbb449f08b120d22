//! Which statements run, and how one is ended from outside.
//!
//! libchdb has no call that ends a statement on another thread, and gives statements ids of its own.
//! `KILL QUERY` on a second connection works at any moment, so every statement carries its query id in
//! the setting `log_comment`, which `system.processes` shows and `KILL QUERY` can filter by.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use crate::chdb::{Connection, Engine};
use crate::exception::{Exception, Kind};
use crate::sql::Effect;

/// How often a statement that should end is told so again: the first `KILL QUERY` may come before
/// ClickHouse knows of the statement.
const KILL_AGAIN: Duration = Duration::from_millis(100);

const KILL: &str = "KILL QUERY WHERE has({ids:Array(String)}, Settings['log_comment']) ASYNC FORMAT Null";

/// What a statement is doing, as far as ending it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its text is still coming in; nothing runs.
    Arriving,
    Executing(Effect),
    /// It inserts the data of its request. Cut data ends it by itself; whole data is committed.
    Inserting,
}

#[derive(Debug)]
pub(crate) struct Entry {
    id: String,
    phase: Mutex<Phase>,
    cancelled: AtomicBool,
    ended: AtomicBool,
}

impl Entry {
    pub(crate) fn set_phase(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// The statements of this engine, by query id.
#[derive(Debug)]
pub(crate) struct Running {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    killer: mpsc::Sender<Arc<Entry>>,
}

impl Running {
    /// Starts the thread that ends statements; it ends when this is dropped.
    pub(crate) fn new(engine: Arc<Engine>) -> std::io::Result<Self> {
        let (killer, orders) = mpsc::channel();
        std::thread::Builder::new().name("killer".to_owned()).spawn(move || kill(&engine, &orders))?;
        Ok(Self { entries: Mutex::default(), killer })
    }

    /// Enters a statement. An id that is running already is refused, as in ClickHouse.
    pub(crate) fn enter(self: &Arc<Self>, id: &str) -> Result<Registration, Exception> {
        let entry = Arc::new(Entry {
            id: id.to_owned(),
            phase: Mutex::new(Phase::Arriving),
            cancelled: AtomicBool::new(false),
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

    /// Ends a statement whose client is gone, unless it is one that should commit.
    fn abandon(&self, entry: &Arc<Entry>) {
        let phase = *lock(&entry.phase);
        if phase != Phase::Inserting {
            self.cancel(entry);
        }
    }

    fn cancel(&self, entry: &Arc<Entry>) {
        entry.cancelled.store(true, Ordering::Release);
        if !entry.ended.load(Ordering::Acquire) {
            // Fails only when the thread is gone, at the very end of the process.
            drop(self.killer.send(entry.clone()));
        }
    }

    /// Ends what only reads or has not begun; for a stop.
    pub(crate) fn cancel_reads(&self) {
        for entry in self.all() {
            let phase = *lock(&entry.phase);
            if matches!(phase, Phase::Arriving | Phase::Executing(Effect::Reads)) {
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
        if !self.entry.ended.load(Ordering::Acquire) {
            self.running.abandon(&self.entry);
        }
    }
}

/// The killer's thread: repeats each order until its statement has ended.
fn kill(engine: &Engine, orders: &mpsc::Receiver<Arc<Entry>>) {
    // Kept, because a new one may be refused when memory is short, which is when it is needed most.
    let mut connection = None;
    let mut condemned: Vec<Arc<Entry>> = Vec::new();
    loop {
        if condemned.is_empty() {
            match orders.recv() {
                Ok(entry) => condemned.push(entry),
                Err(mpsc::RecvError) => return,
            }
        }
        condemned.extend(orders.try_iter());
        condemned.retain(|entry| !entry.ended.load(Ordering::Acquire));
        if condemned.is_empty() {
            continue;
        }
        if let Err(exception) = kill_all(engine, &mut connection, &condemned) {
            tracing::warn!(statements = condemned.len(), %exception, "cannot cancel; trying again");
            connection = None;
        }
        match orders.recv_timeout(KILL_AGAIN) {
            Ok(entry) => condemned.push(entry),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn kill_all(
    engine: &Engine,
    connection: &mut Option<Connection>,
    condemned: &[Arc<Entry>],
) -> Result<(), Exception> {
    let ids: Vec<String> = condemned
        .iter()
        .map(|entry| format!("'{}'", entry.id.replace('\\', "\\\\").replace('\'', "\\'")))
        .collect();
    let parameters = [("ids".to_owned(), format!("[{}]", ids.join(",")))];
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(engine.connect(&[])?),
    };
    connection.query(KILL, "Null", &parameters).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
