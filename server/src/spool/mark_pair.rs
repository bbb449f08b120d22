//! The files of a mark and of a note in one place on disk.

use super::SpoolError;
use super::mark::{Note, PLACE_BYTES, State};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A mark and a note.
pub(super) struct Pair {
    /// Of the mark.
    pub(super) path: PathBuf,
    file: File,
    pub(super) noted: File,
}

impl Pair {
    /// `spool` → `spool.mark` and `spool.noted`.
    pub(super) fn open(spool: &Path) -> Result<Self, SpoolError> {
        let path = beside(spool, "mark");
        let (file, noted) = (open(&path)?, open(&beside(spool, "noted"))?);
        Ok(Self { path, file, noted })
    }

    /// What the mark holds, and whether that is nothing at all.
    pub(super) fn read(&self) -> Result<(Option<State>, bool), SpoolError> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        let read = file.rewind().and_then(|()| file.take(2 * PLACE_BYTES as u64).read_to_end(&mut bytes));
        read.map_err(|error| self.failed(&error))?;
        let whole = bytes.chunks(PLACE_BYTES).filter_map(State::parse);
        let is_empty = bytes.iter().all(|byte| *byte == 0);
        Ok((whole.max_by_key(|state| state.sequence), is_empty))
    }

    /// Makes it durable.
    pub(super) fn write(&self, state: &State) -> io::Result<()> {
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

    /// What is noted; `None` if nothing is, or the machine stopped while it was written.
    pub(super) fn noted(&self) -> Option<Note> {
        let mut bytes = [0; Note::BYTES];
        self.noted.read_exact_at(&mut bytes, 0).ok()?;
        Note::parse(&bytes)
    }

    pub(super) fn failed(&self, error: &io::Error) -> SpoolError {
        SpoolError::Disk(format!("{}: {error}", self.path.display()))
    }
}

fn open(path: &Path) -> Result<File, SpoolError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| SpoolError::Disk(format!("cannot open {}: {error}", path.display())))
}

fn beside(spool: &Path, extension: &str) -> PathBuf {
    let mut name = spool.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    spool.with_file_name(name)
}
