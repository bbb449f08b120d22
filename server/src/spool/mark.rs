//! Two small files beside the spool that tell a spool that was damaged, cut or rolled back from a whole one.
//!
//! ```text
//! spool.mark    what ClickHouse has and what was sent to it; made durable around each range, never by a commit
//! spool.noted   how much was ever answered; overwritten after each commit that is durable, not made durable itself
//! ```
//! Neither may name more than the spool has on disk, whenever the machine stops: the mark is written after ClickHouse has a
//! range, the note after `fdatasync`. So a spool that has less than they say has lost it.

use super::SpoolError;
use super::database::{lock, u64_of};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

/// A range of entries that has numbers, and may have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) first_number: u64,
}

/// What the mark says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Which spool it belongs to.
    pub(super) spool: u64,
    /// ClickHouse has everything before it.
    pub(super) position: u64,
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
    mark: Mutex<Mark>,
    noted: File,
}

impl MarkFile {
    /// The files beside this spool. Nothing is read yet.
    pub(super) fn open(spool: &Path) -> Result<Self, SpoolError> {
        let path = beside(spool, "mark");
        let noted_path = beside(spool, "noted");
        let noted = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&noted_path);
        let noted = noted
            .map_err(|error| SpoolError::Disk(format!("cannot open {}: {error}", noted_path.display())))?;
        Ok(Self { path, mark: Mutex::default(), noted })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is on disk.
    pub(super) fn read(&self) -> Result<Kept, SpoolError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Mark::parse(&text).map_or(Kept::Damaged, Kept::Whole)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::Absent),
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Kept::Damaged),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// What the mark says now.
    pub(super) fn mark(&self) -> Mark {
        *lock(&self.mark)
    }

    /// Changes the mark; what it says then is durable.
    pub(super) fn update(&self, change: impl FnOnce(&mut Mark)) -> Result<(), SpoolError> {
        let mut mark = lock(&self.mark);
        let mut next = *mark;
        change(&mut next);
        if next != *mark {
            self.replace(&next).map_err(|error| self.failed(&error))?;
            *mark = next;
        }
        Ok(())
    }

    fn replace(&self, mark: &Mark) -> io::Result<()> {
        let temporary = self.path.with_extension("mark.new");
        let mut file = File::create(&temporary)?;
        file.write_all(mark.text()?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        match self.path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
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

impl Range {
    /// As the spool itself keeps it.
    pub(super) fn write(self) -> Vec<u8> {
        [self.start, self.end, self.first_number].into_iter().flat_map(u64::to_be_bytes).collect()
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let number = |at: usize| value.get(at..at + 8).and_then(u64_of);
        Some(Self { start: number(0)?, end: number(8)?, first_number: number(16)? })
    }
}

impl Mark {
    /// A checksum, and what it is of.
    fn text(&self) -> io::Result<String> {
        let json = serde_json::to_string(self).map_err(io::Error::other)?;
        Ok(format!("{:016x} {json}\n", xxh3_64(json.as_bytes())))
    }

    fn parse(text: &str) -> Option<Self> {
        let (checksum, json) = text.trim_end().split_once(' ')?;
        let is_whole = u64::from_str_radix(checksum, 16).ok()? == xxh3_64(json.as_bytes());
        is_whole.then(|| serde_json::from_str(json).ok()).flatten()
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

/// `spool` → `spool.mark`.
fn beside(spool: &Path, extension: &str) -> PathBuf {
    let mut name = spool.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    spool.with_file_name(name)
}
