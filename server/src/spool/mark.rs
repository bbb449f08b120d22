//! Two small files beside the spool that tell a spool that was damaged, cut or rolled back from a whole one.
//!
//! ```text
//! spool.mark    what ClickHouse has and what was sent to it; made durable around each range, never by a commit
//! spool.noted   how much was ever answered; overwritten after each commit that is durable, not made durable itself
//! ```
//! Both are overwritten in place, so that a full disk does not keep the spool from draining. The mark has two places that
//! are written in turn: whatever stops the machine, one of them is whole.
//!
//! Neither may name more than the spool has on disk, whenever the machine stops: the mark is written after ClickHouse has a
//! range, the note after `fdatasync`. So a spool that has less than they say has lost it.

use super::SpoolError;
use super::database::{lock, u64_of};
use super::lane::{Cursor, Range};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

/// What the mark says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Which spool it belongs to.
    pub(super) spool: u64,
    /// ClickHouse has everything of the main lane before it.
    pub(super) position: u64,
    /// How much it has of the late lane; `None` if an earlier version wrote it.
    #[serde(default)]
    pub(super) late: Option<Cursor>,
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

/// The two files.
pub(super) struct MarkFile {
    path: PathBuf,
    file: File,
    state: Mutex<State>,
    noted: File,
}

/// What the file holds, and how often it was written.
#[derive(Default)]
struct State {
    mark: Mark,
    sequence: u64,
}

/// How many bytes each of the two places has: no block of a disk holds a part of both.
const PLACE_BYTES: usize = 4096;

impl MarkFile {
    /// The files beside this spool. Nothing is read yet.
    pub(super) fn open(spool: &Path) -> Result<Self, SpoolError> {
        let path = beside(spool, "mark");
        let (file, noted) = (open(&path)?, open(&beside(spool, "noted"))?);
        Ok(Self { path, file, state: Mutex::default(), noted })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is on disk. It is what the mark says from now on.
    pub(super) fn read(&self) -> Result<Kept, SpoolError> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        let read = file.rewind().and_then(|()| file.take(2 * PLACE_BYTES as u64).read_to_end(&mut bytes));
        read.map_err(|error| self.failed(&error))?;
        let whole = bytes.chunks(PLACE_BYTES).filter_map(State::parse);
        let Some(newest) = whole.max_by_key(|state| state.sequence) else {
            let is_empty = bytes.iter().all(|byte| *byte == 0);
            return Ok(if is_empty { Kept::Absent } else { Kept::Damaged });
        };
        let mark = newest.mark;
        *lock(&self.state) = newest;
        Ok(Kept::Whole(mark))
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
            self.write(&next).map_err(|error| self.failed(&error))?;
            *state = next;
        }
        Ok(())
    }

    fn write(&self, state: &State) -> io::Result<()> {
        let is_first = self.file.metadata()?.len() < 2 * PLACE_BYTES as u64;
        if is_first {
            self.file.write_all_at(&[0; 2 * PLACE_BYTES], 0)?;
        }
        let place = state.sequence % 2 * PLACE_BYTES as u64;
        self.file.write_all_at(&state.place()?, place)?;
        if !is_first {
            return self.file.sync_data();
        }
        self.file.sync_all()?;
        let directory = self.path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// How many events wait, as far as the two files say.
    pub(super) fn waiting_at_most(&self) -> Option<u64> {
        let Ok(Kept::Whole(mark)) = self.read() else { return None };
        let note = self.noted().filter(|note| note.spool == mark.spool)?;
        Some(note.appended_events.saturating_sub(mark.stored_events))
    }

    /// What is noted; `None` if nothing is, or the machine stopped while it was written.
    pub(super) fn noted(&self) -> Option<Note> {
        let mut bytes = [0; Note::BYTES];
        self.noted.read_exact_at(&mut bytes, 0).ok()?;
        Note::parse(&bytes)
    }

    /// Notes what is durable. A failure leaves the note as it is, which then names less than it could: no harm.
    pub(super) fn note(&self, next_entry: u64, appended_events: u64) {
        let note = Note { spool: self.mark().spool, next_entry, appended_events };
        _ = self.noted.write_all_at(&note.bytes(), 0);
    }

    /// Notes less than before, durably: what is lost is told once.
    pub(super) fn note_anew(&self, next_entry: u64, appended_events: u64) -> Result<(), SpoolError> {
        self.note(next_entry, appended_events);
        self.noted.sync_data().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> SpoolError {
        SpoolError::Disk(format!("{}: {error}", self.path.display()))
    }
}

impl State {
    /// A line of text: a checksum, and what it is of. The rest is spaces.
    fn place(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_string(&self.mark).map_err(io::Error::other)?;
        let text = format!("{} {json}", self.sequence);
        let mut place = format!("{:016x} {text}", xxh3_64(text.as_bytes())).into_bytes();
        place.resize(PLACE_BYTES, b' ');
        if let Some(last) = place.last_mut() {
            *last = b'\n';
        }
        Ok(place)
    }

    fn parse(place: &[u8]) -> Option<Self> {
        let (checksum, text) = std::str::from_utf8(place).ok()?.trim_end().split_once(' ')?;
        if u64::from_str_radix(checksum, 16).ok()? != xxh3_64(text.as_bytes()) {
            return None;
        }
        let (sequence, json) = text.split_once(' ')?;
        Some(Self { mark: serde_json::from_str(json).ok()?, sequence: sequence.parse().ok()? })
    }
}

impl Note {
    const BYTES: usize = 4 * 8;

    fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let numbers = [self.spool, self.next_entry, self.appended_events];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        let checksum = xxh3_64(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).filter_map(u64_of);
        let note =
            Self { spool: numbers.next()?, next_entry: numbers.next()?, appended_events: numbers.next()? };
        (numbers.next()? == xxh3_64(&bytes[..24])).then_some(note)
    }
}

fn open(path: &Path) -> Result<File, SpoolError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| SpoolError::Disk(format!("cannot open {}: {error}", path.display())))
}

/// `spool` → `spool.mark`.
fn beside(spool: &Path, extension: &str) -> PathBuf {
    let mut name = spool.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    spool.with_file_name(name)
}
