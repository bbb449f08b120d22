//! The journal of descriptions: a file beside the data directory, whose name ends with `.descriptions`.
//!
//! ```text
//! <hash> <place>     a description of the store's own
//! expect             a statement is about to change some
//! recorded           all changes so far are noted
//! ```

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::found::{Found, Place};
use crate::Error;

/// Permissions of the file: nobody else reads or writes it.
const FILE_MODE: u32 = 0o600;

/// Descriptions that are no longer there, or read otherwise by now, that are kept from one start to the next.
const MAX_EARLIER: usize = 20_000;

const EXPECT: &str = "expect";
const RECORDED: &str = "recorded";

/// The descriptions that are the store's own, in memory and in the file.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    known: HashSet<(String, Place)>,
    /// The order in which they came.
    lines: Vec<(String, Place)>,
    /// Appends, also from within the sandbox.
    file: File,
    /// Whether the last line may have been cut off.
    is_cut: bool,
    /// Up to when changes of the directory were looked at.
    pub(super) recorded_until: Option<SystemTime>,
    /// Why what lies in the directory is taken as it is, if it is.
    pub(super) trusts_directory: Option<&'static str>,
}

impl Journal {
    /// The journal of a data directory, as an earlier engine left it.
    pub(super) fn open(data_dir: &Path) -> Result<Self, Error> {
        let path = beside(data_dir);
        let failed = |error| Error::on_path("cannot open the journal", &path, error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(FILE_MODE);
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
        let (mut file, is_new) = match options.open(&path) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (options.create_new(true).open(&path).map_err(failed)?, true)
            }
            Err(error) => return Err(failed(error)),
        };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let mut open_changes = 0_usize;
        let mut lines = Vec::new();
        let mut known = HashSet::new();
        // A line that was cut off is none.
        for line in String::from_utf8_lossy(&text).lines() {
            match line.split_once(' ') {
                None if line == EXPECT => open_changes += 1,
                None if line == RECORDED => open_changes = open_changes.saturating_sub(1),
                Some((hash, place)) if known.insert((hash.to_owned(), Place::parse(place))) => {
                    lines.push((hash.to_owned(), Place::parse(place)));
                }
                _ => {}
            }
        }
        let trusts_directory = if is_new || text.is_empty() {
            Some("there is no journal of them yet")
        } else if open_changes > 0 {
            Some("the engine ended in the middle of a statement that changes some")
        } else {
            None
        };
        let is_cut = !text.is_empty() && !text.ends_with(b"\n");
        Ok(Self { path, known, lines, file, is_cut, recorded_until: None, trusts_directory })
    }

    /// Whether this is the store's own, among all that was found.
    pub(super) fn knows(&self, one: &Found, all: &[Found]) -> bool {
        let Some(hash) = &one.hash else { return false };
        if one.place.is_dropped() {
            // It has another name by then. What is not dropped must not be described there: ClickHouse would remove it.
            let is_live = || all.iter().any(|other| !other.place.is_dropped() && other.hash == one.hash);
            return self.known.iter().any(|(known, _)| known == hash) && !is_live();
        }
        // One that a full disk left empty stays: who is to repair it must find it.
        let emptied = one.is_empty && self.knows_place(&one.place);
        emptied || self.known.contains(&(hash.clone(), one.place.clone()))
    }

    /// Whether any version of the description of a table was the store's own.
    pub(super) fn knows_place(&self, place: &Place) -> bool {
        self.known.iter().any(|(_, known)| known == place)
    }

    /// Makes the journal one of an engine that starts with these descriptions. It is written anew only if it says something else: a
    /// full disk is no reason not to start.
    pub(super) fn begin(mut self, own: &[Found]) -> Result<Self, Error> {
        let failed = |path: &Path, error| Error::on_path("cannot write the journal", path, error);
        let before = self.lines.len();
        for one in own.iter().filter(|one| !one.is_empty) {
            self.add(one);
        }
        let has_all = self.trusts_directory.is_none() && self.lines.len() == before;
        let there: BTreeSet<&Place> = own.iter().map(|one| &one.place).collect();
        let surplus =
            self.lines.iter().filter(|(_, place)| !there.contains(place)).count().saturating_sub(MAX_EARLIER);
        if has_all && surplus == 0 {
            return Ok(self);
        }
        let mut skipped = 0;
        self.lines.retain(|(_, place)| {
            let skip = skipped < surplus && !there.contains(place);
            skipped += usize::from(skip);
            !skip
        });
        // The first line makes a journal without descriptions differ from none.
        let mut text = format!("{RECORDED}\n");
        for (hash, place) in &self.lines {
            text.push_str(&line(hash, place));
        }
        let mut new = self.path.as_os_str().to_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        _ = std::fs::remove_file(&new);
        self.is_cut = false;
        self.file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&new)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                std::fs::rename(&new, &self.path)?;
                Ok(file)
            })
            .map_err(|error| failed(&new, error))?;
        Ok(self)
    }

    /// On the disk before the statement runs. What is noted afterwards need not be: if the end of the journal is lost, this is the last
    /// that is known, and the next start takes what it finds.
    pub(super) fn expect_change(&mut self) -> std::io::Result<()> {
        self.append(&format!("{EXPECT}\n"))?;
        self.file.sync_data()
    }

    /// Notes what is the store's own, and the end of an expected change if this is one.
    pub(super) fn note(&mut self, own: &[Found], ends_change: bool) -> std::io::Result<()> {
        let mut text = String::new();
        let new: Vec<&Found> = own.iter().filter(|one| !one.is_empty && self.is_new(one)).collect();
        for one in &new {
            if let Some(hash) = &one.hash {
                text.push_str(&line(hash, &one.place));
            }
        }
        if ends_change {
            text.push_str(RECORDED);
            text.push('\n');
        }
        self.append(&text)?;
        if !ends_change && !new.is_empty() {
            self.file.sync_data()?;
        }
        for one in new {
            self.add(one);
        }
        Ok(())
    }

    fn is_new(&self, one: &Found) -> bool {
        one.hash.as_ref().is_some_and(|hash| !self.known.contains(&(hash.clone(), one.place.clone())))
    }

    fn add(&mut self, one: &Found) {
        let Some(hash) = &one.hash else { return };
        if self.known.insert((hash.clone(), one.place.clone())) {
            self.lines.push((hash.clone(), one.place.clone()));
        }
    }

    fn append(&mut self, text: &str) -> std::io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.is_cut {
            self.file.write_all(b"\n")?;
        }
        let written = self.file.write_all(text.as_bytes());
        self.is_cut = written.is_err();
        written
    }
}

fn line(hash: &str, place: &Place) -> String {
    format!("{hash} {}\n", place.as_str())
}

fn beside(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or(data_dir.as_os_str()).to_os_string();
    name.push(".descriptions");
    data_dir.with_file_name(name)
}
