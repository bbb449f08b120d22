//! What was answered survives: the events that ClickHouse does not have yet, on local disk.
//!
//! Everybody who wants something made durable hands it over and waits. One thread takes all that wait at that
//! moment, decides for each whether it is new, a duplicate or a regression, writes the lot as one entry with one
//! `fdatasync`, and answers. Because it is one thread, "exactly one is new" needs no lock.
//!
//! The store below is `fjall`. It holds the entries (a queue of two lanes), the issue index (issue → state), and the
//! idempotency keys of the last day; an entry and what it changes in the indexes are one atomic write.
//!
//! # Limits
//! See [`limits`]. The queue is bounded in bytes; full is an error that names itself, never a wait.

mod account;
mod assemble;
mod committer;
mod counters;
mod damage;
mod database;
mod draft;
mod entry;
mod failure;
mod index;
mod lane;
pub mod limits;
mod mark;
mod mark_pair;
mod queue;
mod recovery;
mod room;
#[cfg(test)]
mod tests;

pub use account::WaitingEvents;
pub use damage::Loss;
pub use entry::{Entry, Kind, Section, columns};
pub use lane::{Lane, Reached};
pub use queue::{Frozen, FrozenBatch, Queue, Waits};

use crate::event::{Block, KeyField, RequestKey, Source};
use crate::number::{self, ServerId};
use committer::Committer;
use database::{Shared, lock};
use log_center_wire::{Fingerprint, IssueId, IssueStatus};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot, watch};

/// How a spool is set up.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Where it lies. Made if it does not exist.
    pub directory: PathBuf,
    /// The directory of the embedded ClickHouse; `None` for one that is elsewhere.
    pub store_directory: Option<PathBuf>,
    /// How many bytes may wait for ClickHouse. Beyond it everything new is refused.
    pub max_bytes: u64,
    /// Which server this is of those that write to one ClickHouse.
    pub server: ServerId,
    /// Use the directory although another server id used it before.
    pub take_over: bool,
}

/// A handle for those who append. Cheap to clone.
#[derive(Clone)]
pub struct Spool {
    sender: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

/// The thread behind a [`Spool`]: dropping the last handle ends it, [`join`](Self::join) waits for that.
pub struct SpoolThread(std::thread::JoinHandle<()>);

/// What became of one thing that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether the first event made its issue; what a report is answered with.
    pub is_new: bool,
    /// Whether all of it had been here before, so that nothing was added.
    pub is_repeated: bool,
    /// How many of its events were added.
    pub added: usize,
    /// How many of its events had been here before.
    pub duplicates: usize,
}

/// A change of state that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The state before.
    pub from: IssueStatus,
    /// The state now.
    pub to: IssueStatus,
    /// Where the change lies in the spool.
    pub position: u64,
}

/// Why nothing was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpoolError {
    /// As many bytes wait for ClickHouse as may.
    Full,
    /// The disk has no room, or refuses to write.
    Disk(String),
    /// What lies on the disk cannot be read.
    Damaged(String),
    /// The directory is that of another server, or of another version of the program.
    NotOurs(String),
    /// More is being handed over than can be held in memory.
    Overloaded,
    /// The server is stopping.
    Stopped,
    /// The key in this field was given to other content before.
    KeyReused(KeyField),
    /// There is no such issue.
    UnknownIssue(IssueId),
    /// The issue cannot go there.
    NotAllowed {
        /// Where it is.
        from: IssueStatus,
        /// Where it was to go.
        to: IssueStatus,
    },
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpoolError::Full => f.write_str("the spool is full: ClickHouse has not taken what waits for it"),
            SpoolError::Disk(reason) => write!(f, "the disk of the spool is failing: {reason}"),
            SpoolError::Damaged(reason) | SpoolError::NotOurs(reason) => f.write_str(reason),
            SpoolError::Overloaded => f.write_str("more arrives than can be written"),
            SpoolError::Stopped => f.write_str("the server is stopping"),
            SpoolError::KeyReused(field) => write!(f, "this {} was given to other content", field.as_str()),
            SpoolError::UnknownIssue(id) => write!(f, "there is no issue {id}"),
            SpoolError::NotAllowed { from, to } => write!(f, "an issue that is {from} cannot become {to}"),
        }
    }
}

impl std::error::Error for SpoolError {}

/// An issue as ClickHouse knows it.
#[derive(Debug, Clone)]
pub struct KnownIssue {
    /// Which one of its project.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub project: String,
    /// Where it stands.
    pub status: IssueStatus,
    /// The number of the change that brought it there; 0 if there was none.
    pub sequence: u64,
}

type Answer<T> = oneshot::Sender<Result<T, SpoolError>>;

/// What the spool's thread is told.
enum Message {
    Submission(Submission),
    /// The store was closed after a write that failed elsewhere: nobody may come who would make the thread notice.
    Closed,
}

enum Submission {
    Events {
        source: Source,
        blocks: Vec<Block>,
        keys: Vec<RequestKey>,
        bytes: usize,
        answer: Answer<Receipt>,
    },
    Status {
        issue_id: IssueId,
        to: IssueStatus,
        actor: String,
        note: String,
        answer: Answer<Changed>,
    },
    Learn {
        issues: Vec<KnownIssue>,
        marks: Vec<(ServerId, u64)>,
        is_anew: bool,
        is_last: bool,
        answer: Answer<()>,
    },
}

impl Spool {
    /// Opens the spool, or makes it, and starts its thread.
    ///
    /// # Errors
    /// The directory cannot be made, is held by another process, or is damaged.
    pub fn open(options: &SpoolOptions) -> Result<(Spool, Queue, SpoolThread), SpoolError> {
        let shared = Arc::new(Shared::open(options)?);
        let (sender, receiver) = mpsc::channel(limits::WAITING_SUBMISSIONS);
        let committer = Committer::new(Arc::clone(&shared), receiver)?;
        let thread = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || committer.run())
            .map_err(|error| SpoolError::Disk(format!("no thread: {error}")))?;
        room::watch(&shared.room)?;
        let queue = Queue::new(Arc::clone(&shared), sender.downgrade());
        Ok((Spool { sender, shared }, queue, SpoolThread(thread)))
    }

    /// Makes events of this source durable. `keys` are what the whole is known by: if one of them was seen within the
    /// last 24 hours and 1,000,000 keys, nothing is added and the first answer is given again.
    ///
    /// # Errors
    /// [`KeyReused`](SpoolError::KeyReused), or nothing could be written. Nothing was, but for an unclear failure of
    /// the disk.
    pub async fn append(
        &self,
        source: Source,
        blocks: Vec<Block>,
        keys: Vec<RequestKey>,
    ) -> Result<Receipt, SpoolError> {
        let bytes = blocks.iter().map(|block| block.bytes.len()).sum();
        let _room = self.shared.reserve(bytes)?;
        self.submit(|answer| Submission::Events { source, blocks, keys, bytes, answer }).await
    }

    /// Moves an issue to another state, durably.
    ///
    /// # Errors
    /// [`UnknownIssue`](SpoolError::UnknownIssue), [`NotAllowed`](SpoolError::NotAllowed), or nothing could be written.
    pub async fn change_status(
        &self,
        issue_id: IssueId,
        to: IssueStatus,
        actor: String,
        note: String,
    ) -> Result<Changed, SpoolError> {
        self.submit(|answer| Submission::Status { issue_id, to, actor, note, answer }).await
    }

    /// Adds issues that ClickHouse knows to the index, if they are not in it. After the last ones the
    /// index counts as [complete](Self::is_seeded).
    ///
    /// # Errors
    /// Nothing could be written.
    pub async fn seed(&self, issues: Vec<KnownIssue>, is_last: bool) -> Result<(), SpoolError> {
        self.learn(issues, Vec::new(), false, is_last).await
    }

    /// Empties the issue index: ClickHouse no longer has what it was filled from.
    ///
    /// # Errors
    /// Nothing could be written.
    pub async fn forget_issues(&self) -> Result<(), SpoolError> {
        self.learn(Vec::new(), Vec::new(), true, false).await
    }

    /// Takes into the index what other servers wrote of issues, in the order in which they did. `marks`: the latest
    /// batch of each that was read.
    ///
    /// # Errors
    /// Nothing could be written.
    pub async fn follow(
        &self,
        issues: Vec<KnownIssue>,
        marks: Vec<(ServerId, u64)>,
    ) -> Result<(), SpoolError> {
        self.learn(issues, marks, false, false).await
    }

    /// The latest batch of each other server whose changes are in the index.
    ///
    /// # Errors
    /// The disk is failing.
    pub fn followed(&self) -> Result<Vec<(ServerId, u64)>, SpoolError> {
        self.shared.tables()?.followed().map_err(|error| database::disk(&error))
    }

    /// Batches and changes get greater numbers than this one from now on.
    pub fn see_number(&self, number: u64) {
        self.shared.numbers.see(number);
    }

    /// Names this spool, and with it its data directory, wherever that lies.
    pub fn instance(&self) -> u64 {
        self.shared.mark.mark().spool
    }

    /// Which server this is.
    pub fn server(&self) -> ServerId {
        self.shared.numbers.server()
    }

    /// When the database was made that everything went to so far; `None` if nobody knows.
    pub fn database_made_ms(&self) -> Option<i64> {
        self.shared.mark.mark().database_made_ms
    }

    /// Notes which database everything goes to.
    ///
    /// # Errors
    /// Nothing could be written.
    pub fn set_database_made_ms(&self, made_ms: i64) -> Result<(), SpoolError> {
        self.shared.mark.update(|mark| mark.database_made_ms = Some(made_ms))
    }

    /// What no batch that this spool has sent is above: batches are numbered by the time, and so are the places of a spool.
    pub fn last_batch(&self) -> u64 {
        let mark = self.shared.mark.mark();
        mark.batch.max(number::at(mark.position / 1000))
    }

    /// How many events ever went to ClickHouse.
    pub fn stored_events(&self) -> u64 {
        self.shared.mark.mark().stored_events
    }

    /// What the spool was found to have lost since this process started.
    pub fn loss(&self) -> Option<Loss> {
        lock(&self.shared.losses).spool.clone()
    }

    /// What ClickHouse was found to have lost since this process started.
    pub fn loss_of_clickhouse(&self) -> Option<Loss> {
        lock(&self.shared.losses).clickhouse.clone()
    }

    /// Keeps for `/health` that ClickHouse has lost something.
    pub fn set_loss_of_clickhouse(&self, loss: Loss) {
        lock(&self.shared.losses).clickhouse = Some(loss);
    }

    /// Whether the index holds every issue that ClickHouse knew when this spool was made.
    pub fn is_seeded(&self) -> bool {
        self.shared.seeded.load(Ordering::Acquire)
    }

    /// How many bytes wait for ClickHouse.
    pub fn waiting_bytes(&self) -> u64 {
        self.shared.waiting_bytes()
    }

    /// How many events wait for ClickHouse.
    pub fn waiting_events(&self) -> u64 {
        self.shared.account.waiting()
    }

    /// Looks at what waits for ClickHouse while nothing comes or goes: the totals that `/metrics` counts stand still
    /// until `look` is done, and with them everything that is to be made durable. So it must be quick.
    pub fn at_rest<T>(&self, look: impl FnOnce(WaitingEvents) -> T) -> T {
        self.shared.account.hold(look)
    }

    /// The position behind the last entry, now and whenever it moves.
    pub fn end(&self) -> watch::Receiver<u64> {
        self.shared.end.subscribe()
    }

    /// Why the disk does not take anything at the moment; `None` if it does.
    pub fn disk_failure(&self) -> Option<SpoolError> {
        self.shared.failure()
    }

    /// Whether something that comes now would be taken.
    ///
    /// # Errors
    /// What it would be refused with.
    pub fn check(&self) -> Result<(), SpoolError> {
        match self.disk_failure() {
            Some(error) => Err(error),
            None if self.shared.is_full() => Err(SpoolError::Full),
            None => Ok(()),
        }
    }

    /// How many bytes are free on the disk of the spool; `None` if the disk does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        self.shared.room.free_bytes()
    }

    /// How large the disk of the spool is; `None` if the disk does not say.
    pub fn disk_bytes(&self) -> Option<u64> {
        self.shared.room.size_bytes()
    }

    async fn learn(
        &self,
        issues: Vec<KnownIssue>,
        marks: Vec<(ServerId, u64)>,
        is_anew: bool,
        is_last: bool,
    ) -> Result<(), SpoolError> {
        self.submit(|answer| Submission::Learn { issues, marks, is_anew, is_last, answer }).await
    }

    async fn submit<T>(&self, submission: impl FnOnce(Answer<T>) -> Submission) -> Result<T, SpoolError> {
        let (answer, receipt) = oneshot::channel();
        self.sender.try_send(Message::Submission(submission(answer))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SpoolError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => SpoolError::Stopped,
        })?;
        receipt.await.unwrap_or(Err(SpoolError::Stopped))
    }
}

impl SpoolThread {
    /// Waits until everything handed over is written. All handles must be gone, or it waits for them.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the spool's thread panicked");
        }
    }
}
