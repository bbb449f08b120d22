//! Why the store below is closed: the disk is in the way, which may end by itself, or what lies there is damaged, which does
//! not.
//!
//! A block that is damaged in an old sorted file shows when somebody reads it: the writer that sends it, or the store itself,
//! which rewrites its files in the background and refuses everything after a failure there. It opens again without a word,
//! since it reads such blocks only when it must. So after such an end everything is read before the store is used again.

use super::SpoolError;
use super::database::lock;
use super::mark::MarkFile;
use fjall::LsmError;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a damaged store is read again: somebody may bring back its files.
const DAMAGED_PAUSE: Duration = Duration::from_secs(60);

/// From so many ends on that the store below gave no reason for, without a good one between them, everything is read.
const SUSPECT_FROM: u32 = 2;

/// What is said of a store that panics. It takes some damaged files for its own mistakes.
pub(super) const PANICKED: &str = "it cannot be read";

/// The failures since the store was last usable as a whole.
#[derive(Default)]
pub(super) struct Failures(Mutex<State>);

#[derive(Default)]
struct State {
    closed: Option<SpoolError>,
    is_damaged: bool,
    poisoned: u32,
    tried: Option<Instant>,
}

impl Failures {
    /// It was closed. `is_poisoned`: something failed in the background, nobody says what.
    pub(super) fn closed(&self, error: SpoolError, is_poisoned: bool) {
        let mut state = lock(&self.0);
        state.is_damaged |= matches!(error, SpoolError::Damaged(_));
        state.poisoned += u32::from(is_poisoned);
        state.tried = None;
        state.closed = Some(error);
    }

    /// It could not be opened.
    pub(super) fn stays(&self, error: SpoolError) {
        let mut state = lock(&self.0);
        let is_damaged = matches!(error, SpoolError::Damaged(_));
        let is_new = is_damaged && !matches!(state.closed, Some(SpoolError::Damaged(_)));
        if is_new {
            tracing::error!(reason = %error, "the spool is damaged; everything is refused");
        }
        state.is_damaged |= is_damaged;
        state.closed = Some(error);
    }

    /// Whether it is time to open it.
    pub(super) fn may_try(&self) -> Result<(), SpoolError> {
        let mut state = lock(&self.0);
        if let (Some(error @ SpoolError::Damaged(_)), Some(tried)) = (&state.closed, state.tried)
            && tried.elapsed() < DAMAGED_PAUSE
        {
            return Err(error.clone());
        }
        state.tried = Some(Instant::now());
        Ok(())
    }

    /// Whether all of it has to be read before it is used.
    pub(super) fn is_suspect(&self) -> bool {
        let state = lock(&self.0);
        state.is_damaged || state.poisoned >= SUSPECT_FROM
    }

    /// It is open, and was read if it was suspect.
    pub(super) fn ended(&self) {
        let mut state = lock(&self.0);
        let is_read = state.is_damaged || state.poisoned >= SUSPECT_FROM;
        let poisoned = if is_read { 0 } else { state.poisoned };
        *state = State { poisoned, ..State::default() };
    }

    pub(super) fn why_closed(&self) -> Option<SpoolError> {
        lock(&self.0).closed.clone()
    }
}

/// Why the store cannot be opened: the disk is in the way, or what lies there is damaged.
pub(super) fn refusal(directory: &Path, mark: &MarkFile, error: &fjall::Error) -> SpoolError {
    if is_damage(error) {
        return SpoolError::Damaged(damaged(directory, mark, &plain(error)));
    }
    SpoolError::Disk(format!("cannot open {}: {}", directory.display(), plain(error)))
}

/// Whether what lies on the disk is damaged; otherwise the disk is in the way, or somebody else.
pub(super) fn is_damage(error: &fjall::Error) -> bool {
    use std::io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, UnexpectedEof,
    };
    match error {
        fjall::Error::Locked | fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => false,
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
            // A store whose marker file is gone is made anew, and finds that its folders exist already.
            let are_files_missing =
                matches!(error.kind(), NotFound | AlreadyExists | IsADirectory | NotADirectory);
            let is_content_wrong = matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof);
            // An error without a number is not from the disk but from who reads it.
            are_files_missing || is_content_wrong || error.raw_os_error().is_none()
        }
        _ => true,
    }
}

/// The way out of a damaged spool. The mark stays where it is: it says what is lost, also if ClickHouse's data are gone, too.
pub(super) fn damaged(directory: &Path, mark: &MarkFile, reason: &str) -> String {
    let spool = directory.display();
    let waiting = match mark.waiting_at_most() {
        Some(events) => format!("up to {events} events"),
        None => "nobody can say how many events".to_owned(),
    };
    format!(
        "the spool in {spool} is damaged ({reason}). Look after the disk. If there is no better copy of the directory, \
         move it aside while the server is stopped and start again: mv {spool} {spool}.damaged \
         — what waited there is lost then ({waiting}); everything in ClickHouse stays, and the issues are read from it"
    )
}

pub(super) fn disk(error: &fjall::Error) -> SpoolError {
    if is_damage(error) { SpoolError::Damaged(plain(error)) } else { SpoolError::Disk(plain(error)) }
}

/// The message without the library's debug form, where there is a better one.
pub(super) fn plain(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) => error.to_string(),
        fjall::Error::Locked => "another server uses this data directory".to_owned(),
        fjall::Error::Poisoned => "an earlier write in the background failed".to_owned(),
        other => other.to_string(),
    }
}
