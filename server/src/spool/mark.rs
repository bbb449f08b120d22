//! Two small files beside the spool that tell a spool that was damaged, cut or rolled back from a whole one.
//!
//! ```text
//! spool.mark    what ClickHouse has and what was sent to it; made durable around each range, never by a commit
//! spool.noted   how much was ever answered; overwritten after each commit that is durable, not made durable itself
//! ```
//! Both are overwritten in place, so that a full disk does not keep the spool from draining. The mark has two places that
//! are written in turn: whatever stops the machine, one of them is whole.
//!
//! The embedded ClickHouse has a second pair of them in its directory: an older copy of the spool that is put back together
//! with the files beside it, or an older copy of ClickHouse's data, is told by that. Of two whole ones the newer one holds.
//!
//! Neither may name more than the spool has on disk, whenever the machine stops: the mark is written after ClickHouse has a
//! range, the note after `fdatasync`. So a spool that has less than they say has lost it.

use super::SpoolError;
use super::database::{lock, u64_of};
use super::lane::{Cursor, Range};
use super::mark_pair::Pair;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

/// What the mark says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Which spool it belongs to.
    pub(super) spool: u64,
    /// ClickHouse has everything of the main lane before it.
    pub(super) position: u64,
    /// How much it has of the late lane.
    pub(super) late: Cursor,
    /// What is being sent.
    pub(super) frozen: Option<Range>,
    /// The greatest number of a batch.
    pub(super) batch: u64,
    /// Events ever found in ClickHouse.
    pub(super) stored_events: u64,
    /// When the database was made that they went to, in milliseconds since 1970.
    pub(super) database_made_ms: Option<i64>,
}

/// What the file of the mark holds.
pub(super) enum Kept {
    Absent,
    /// It cannot be read: cut, changed, or of another version.
    Damaged,
    /// The same, but the pair in ClickHouse's directory is whole.
    Restored(Mark),
    Whole(Mark),
}

/// How much was ever answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) spool: u64,
    /// The position behind the last entry.
    pub(super) next_entry: u64,
    /// Events ever appended.
    pub(super) appended_events: u64,
}

/// The two files, and those in ClickHouse's directory.
pub(super) struct MarkFile {
    own: Pair,
    /// None for a ClickHouse that is elsewhere.
    in_store: Option<Pair>,
    state: Mutex<State>,
    store_lacks: Mutex<u64>,
}

/// What the file holds, and how often it was written.
#[derive(Clone, Copy, Default)]
pub(super) struct State {
    pub(super) mark: Mark,
    pub(super) sequence: u64,
}

/// How many bytes each of the two places has: no block of a disk holds a part of both.
pub(super) const PLACE_BYTES: usize = 4096;

/// What the pair in ClickHouse's directory is called.
const IN_STORE: &str = "spool";

impl MarkFile {
    /// The files beside this spool, and in the directory of the embedded ClickHouse. Nothing is read yet.
    pub(super) fn open(spool: &Path, store: Option<&Path>) -> Result<Self, SpoolError> {
        let in_store = store.map(|store| Pair::open(&store.join(IN_STORE))).transpose()?;
        let (state, store_lacks) = (Mutex::default(), Mutex::default());
        Ok(Self { own: Pair::open(spool)?, in_store, state, store_lacks })
    }

    /// What is on disk. It is what the mark says from now on.
    pub(super) fn read(&self) -> Result<Kept, SpoolError> {
        let (own, is_empty) = self.own.read()?;
        let in_store = self.in_store.as_ref().map(Pair::read).transpose()?.and_then(|(state, _)| state);
        let of_this = own.zip(in_store).filter(|(own, other)| own.mark.spool == other.mark.spool);
        *lock(&self.store_lacks) = of_this.map_or(0, |(own, in_store)| {
            let is_older = in_store.sequence < own.sequence;
            if is_older { own.mark.stored_events.saturating_sub(in_store.mark.stored_events) } else { 0 }
        });
        let newest = match (own, in_store) {
            (Some(own), Some(in_store)) if of_this.is_some() && in_store.sequence > own.sequence => in_store,
            (Some(own), _) => own,
            (None, Some(in_store)) => in_store,
            (None, None) => return Ok(if is_empty { Kept::Absent } else { Kept::Damaged }),
        };
        *lock(&self.state) = newest;
        Ok(if own.is_some() { Kept::Whole(newest.mark) } else { Kept::Restored(newest.mark) })
    }

    /// How many events ClickHouse had that it has no more, as far as the last look told: its directory is an older copy. Told
    /// once.
    pub(super) fn take_store_lacks(&self) -> u64 {
        std::mem::take(&mut *lock(&self.store_lacks))
    }

    /// What the mark says now.
    pub(super) fn mark(&self) -> Mark {
        lock(&self.state).mark
    }

    /// Changes the mark; what it says then is durable.
    pub(super) fn update(&self, change: impl FnOnce(&mut Mark)) -> Result<(), SpoolError> {
        let mut state = lock(&self.state);
        let mut next = State { mark: state.mark, sequence: state.sequence + 1 };
        change(&mut next.mark);
        if next.mark != state.mark {
            self.write(&next)?;
            *state = next;
        }
        Ok(())
    }

    /// Brings all files to the same state, whatever they held.
    pub(super) fn settle(&self, mark: Mark) -> Result<(), SpoolError> {
        let mut state = lock(&self.state);
        let next = State { mark, sequence: state.sequence + 1 };
        self.write(&next)?;
        *state = next;
        Ok(())
    }

    fn write(&self, state: &State) -> Result<(), SpoolError> {
        // First, so that it is never behind.
        if let Some(Err(error)) = self.in_store.as_ref().map(|pair| pair.write(state)) {
            tracing::warn!(%error, "the mark in ClickHouse's directory cannot be written");
        }
        self.own.write(state).map_err(|error| self.own.failed(&error))
    }

    /// How many events wait, as far as the files say.
    pub(super) fn waiting_at_most(&self) -> Option<u64> {
        let Ok(Kept::Whole(mark) | Kept::Restored(mark)) = self.read() else { return None };
        let note = self.noted().filter(|note| note.spool == mark.spool)?;
        Some(note.appended_events.saturating_sub(mark.stored_events))
    }

    /// What is noted; `None` if nothing is, or the machine stopped while it was written.
    pub(super) fn noted(&self) -> Option<Note> {
        let own = self.own.noted();
        let in_store = self.in_store.as_ref().and_then(Pair::noted);
        match (own, in_store) {
            (Some(own), Some(other)) if own.spool == other.spool && other.next_entry > own.next_entry => {
                Some(other)
            }
            (own, in_store) => own.or(in_store),
        }
    }

    /// Notes what is durable. A failure leaves the note as it is, which then names less than it could: no harm.
    pub(super) fn note(&self, next_entry: u64, appended_events: u64) {
        let note = Note { spool: self.mark().spool, next_entry, appended_events };
        for pair in self.pairs() {
            _ = pair.noted.write_all_at(&note.bytes(), 0);
        }
    }

    /// Notes less than before, durably: what is lost is told once.
    pub(super) fn note_anew(&self, next_entry: u64, appended_events: u64) -> Result<(), SpoolError> {
        self.note(next_entry, appended_events);
        self.pairs().try_for_each(|pair| pair.noted.sync_data().map_err(|error| pair.failed(&error)))
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        std::iter::once(&self.own).chain(&self.in_store)
    }
}

impl State {
    /// A line of text: a checksum, and what it is of. The rest is spaces.
    pub(super) fn place(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_string(&self.mark).map_err(io::Error::other)?;
        let text = format!("{} {json}", self.sequence);
        let mut place = format!("{:016x} {text}", xxh3_64(text.as_bytes())).into_bytes();
        place.resize(PLACE_BYTES, b' ');
        if let Some(last) = place.last_mut() {
            *last = b'\n';
        }
        Ok(place)
    }

    pub(super) fn parse(place: &[u8]) -> Option<Self> {
        let (checksum, text) = std::str::from_utf8(place).ok()?.trim_end().split_once(' ')?;
        if u64::from_str_radix(checksum, 16).ok()? != xxh3_64(text.as_bytes()) {
            return None;
        }
        let (sequence, json) = text.split_once(' ')?;
        Some(Self { mark: serde_json::from_str(json).ok()?, sequence: sequence.parse().ok()? })
    }
}

impl Note {
    pub(super) const BYTES: usize = 4 * 8;

    pub(super) fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let numbers = [self.spool, self.next_entry, self.appended_events];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        let checksum = xxh3_64(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).filter_map(u64_of);
        let note =
            Self { spool: numbers.next()?, next_entry: numbers.next()?, appended_events: numbers.next()? };
        (numbers.next()? == xxh3_64(&bytes[..24])).then_some(note)
    }
}
