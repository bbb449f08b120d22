//! How far the import of a file has come, kept beside the user's other state so that the next run goes on from there.
//!
//! ```text
//! {"format":1,"file":"/var/log/shop.log","server":"http://…","head_bytes":4096,"head_hash":"…","offset":0,"line":0}
//! {"sent":{"start":0,"end":1843200,"last_line":5000}}       before a batch is sent
//! {"done":{"start":0,"end":1843200,"last_line":5000}}       when the server has answered
//! ```
//! A batch that was sent and not answered is cut at the same places and sent with the same key again: the server counts it once.
//! One line is one write, so that whatever ends the program leaves whole lines; a torn one, after a power failure, is
//! left out, which costs no more than another sending. The file is written anew at each start, and so stays small.

use super::batch::Place;
use super::source::{Head, Input};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// The form of these files.
const FORMAT: u32 = 1;

/// Which directory below the user's state holds them.
const DIRECTORY: &str = "log-center/import";

/// The import of one file into one server.
#[derive(Debug)]
pub(super) struct State {
    /// Locked for as long as this import runs.
    file: File,
    pub(super) progress: Progress,
}

/// How far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything before this offset of the plain bytes is done, and so many lines.
    pub(super) offset: u64,
    pub(super) line: u64,
    /// Batches behind that, by their beginning: how they were cut, and whether the server has answered.
    pub(super) behind: BTreeMap<u64, (Place, bool)>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    file: PathBuf,
    server: String,
    head_bytes: u64,
    head_hash: String,
    offset: u64,
    line: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Sent(PlaceEntry),
    Done(PlaceEntry),
}

#[derive(Serialize, Deserialize)]
struct PlaceEntry {
    start: u64,
    end: u64,
    last_line: u64,
}

impl From<Place> for PlaceEntry {
    fn from(Place { start, end, last_line }: Place) -> Self {
        Self { start, end, last_line }
    }
}

impl From<PlaceEntry> for Place {
    fn from(PlaceEntry { start, end, last_line }: PlaceEntry) -> Self {
        Self { start, end, last_line }
    }
}

/// What is done with what an earlier run has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// Go on from there.
    Continue,
    /// Forget it.
    Restart,
}

/// Where states are kept unless it is said: below XDG_STATE_HOME, which is ~/.local/state by default.
pub(super) fn directory(said: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".local/state"));
    let of_user = || set("XDG_STATE_HOME").or_else(home).map(|state| state.join(DIRECTORY));
    said.or_else(of_user)
        .context("there is no HOME to keep the progress in; name a directory with --state-dir")
}

impl State {
    /// What is known of the import of this file into this server, and a note that it has begun.
    ///
    /// # Errors
    /// Another import of it is running, or the directory cannot be written.
    pub(super) fn open(
        directory: &Path,
        input: &Input,
        server: &str,
        resume: Resume,
    ) -> anyhow::Result<Self> {
        let Input::File(path) = input else { bail!("only the import of a file can be continued") };
        let file = path.canonicalize().with_context(|| input.shown())?;
        let id = xxh3_128(format!("{}\0{server}", file.display()).as_bytes());
        std::fs::create_dir_all(directory)
            .with_context(|| format!("{} (--state-dir names another place)", directory.display()))?;
        let place = directory.join(format!("{id:032x}.jsonl"));
        let before = read(&place).with_context(|| place.display().to_string())?;
        let progress = match before {
            Some((header, progress)) if resume == Resume::Continue && is_same(input, &header)? => progress,
            _ => Progress::default(),
        };
        let Head { bytes, hash } = input.head(None)?;
        let (offset, line) = (progress.offset, progress.line);
        let server = server.to_owned();
        let header =
            Header { format: FORMAT, file, server, head_bytes: bytes, head_hash: hash, offset, line };
        let file = write(&place, &header, &progress).with_context(|| place.display().to_string())?;
        Ok(Self { file, progress })
    }

    /// A batch is about to be sent.
    pub(super) fn sent(&mut self, place: Place) -> std::io::Result<()> {
        append(&mut self.file, &Entry::Sent(place.into()))
    }

    /// The server has answered.
    pub(super) fn done(&mut self, place: Place) -> std::io::Result<()> {
        append(&mut self.file, &Entry::Done(place.into()))
    }
}

fn append(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// The file begins as it began then, and is not shorter than what was done of it.
fn is_same(input: &Input, header: &Header) -> anyhow::Result<bool> {
    let now = input.head(Some(header.head_bytes))?;
    Ok((now.bytes, &now.hash) == (header.head_bytes, &header.head_hash))
}

/// Nothing, if there is nothing that can be read.
fn read(place: &Path) -> anyhow::Result<Option<(Header, Progress)>> {
    let mut file = match File::open(place) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another import of this file is running"),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let mut lines = text.lines();
    let header = lines.next().and_then(|line| serde_json::from_str::<Header>(line).ok());
    let Some(header) = header.filter(|header| header.format == FORMAT) else { return Ok(None) };
    let mut progress = Progress { offset: header.offset, line: header.line, ..Progress::default() };
    for entry in lines.filter_map(|line| serde_json::from_str(line).ok()) {
        progress.note(entry);
    }
    Ok(Some((header, progress)))
}

impl Progress {
    fn note(&mut self, entry: Entry) {
        let (place, is_done) = match entry {
            Entry::Sent(place) => (Place::from(place), false),
            Entry::Done(place) => (Place::from(place), true),
        };
        if place.start < self.offset {
            return;
        }
        self.behind.insert(place.start, (place, is_done));
        while let Some((place, true)) = self.behind.get(&self.offset).copied() {
            self.behind.remove(&self.offset);
            self.offset = place.end;
            self.line = place.last_line;
        }
    }
}

fn write(place: &Path, header: &Header, progress: &Progress) -> anyhow::Result<File> {
    let next = place.with_extension("jsonl.new");
    let mut file = File::create(&next)?;
    file.try_lock().map_err(|_| anyhow::anyhow!("another import of this file is running"))?;
    append(&mut file, header)?;
    for (place, is_done) in progress.behind.values() {
        append(&mut file, &Entry::Sent((*place).into()))?;
        if *is_done {
            append(&mut file, &Entry::Done((*place).into()))?;
        }
    }
    file.sync_data()?;
    std::fs::rename(&next, place)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(start: u64, end: u64, last_line: u64) -> Place {
        Place { start, end, last_line }
    }

    #[test]
    fn progress_goes_as_far_as_nothing_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        std::fs::write(&path, "{}\n".repeat(100)).unwrap();
        let input = Input::File(path.clone());
        let open = |resume| State::open(&directory.path().join("state"), &input, "http://a", resume);

        let mut state = open(Resume::Continue).unwrap();
        assert_eq!(state.progress, Progress::default());
        for (start, end) in [(0, 30), (30, 60), (60, 90)] {
            state.sent(place(start, end, end / 3)).unwrap();
        }
        state.done(place(0, 30, 10)).unwrap();
        state.done(place(60, 90, 30)).unwrap();
        let held = open(Resume::Continue).unwrap_err().to_string();
        assert!(held.contains("jsonl"), "{held}");
        drop(state);

        for _ in 0..2 {
            let state = open(Resume::Continue).unwrap();
            assert_eq!((state.progress.offset, state.progress.line), (30, 10));
            let behind: Vec<_> = state.progress.behind.values().copied().collect();
            assert_eq!(behind, [(place(30, 60, 20), false), (place(60, 90, 30), true)]);
        }
        let mut state = open(Resume::Continue).unwrap();
        state.done(place(30, 60, 20)).unwrap();
        drop(state);
        // It has grown: the same file.
        std::fs::write(&path, "{}\n".repeat(101)).unwrap();
        let state = open(Resume::Continue).unwrap();
        assert_eq!((state.progress.offset, state.progress.behind.len()), (90, 0));
        drop(state);
        assert_eq!(open(Resume::Restart).unwrap().progress, Progress::default());
        // Another in its place.
        std::fs::write(&path, "{ }\n".repeat(100)).unwrap();
        assert_eq!(open(Resume::Continue).unwrap().progress, Progress::default());
    }
}
