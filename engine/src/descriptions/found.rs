//! The descriptions that lie in a data directory.

use std::fmt::Write as _;
use std::fs::read_dir;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// Largest description that is read, bytes; a longer one is nobody's.
const MAX_BYTES: u64 = 16 << 20;

/// Folders of the data directory, with descriptions in them, besides those of tables.
const FLAT_FOLDERS: [&str; 4] = ["metadata_dropped", "named_collections", "user_defined", "workload"];

/// What ClickHouse merges into its configuration if it is there. The engine never makes one.
const CONFIGURATIONS: [&str; 3] = ["conf.d", "config.d", "engine.d"];

/// What ClickHouse left half written; it removes these itself.
const HALF_WRITTEN: &str = ".tmp";

/// Says by its being there that a table is detached.
const DETACHED: &str = ".sql.detached";

/// Where a description lies: `metadata/<database>.sql`, `metadata/<database>/<table>.sql` and the like, whatever links there are
/// in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(String);

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) path: PathBuf,
    /// Of its text. `None` if it cannot be a description: a folder, something too long or unreadable.
    pub(super) hash: Option<String>,
    pub(super) is_empty: bool,
}

impl Place {
    /// Of something that ClickHouse lists.
    pub(super) fn of(kind: &str, outer: &str, inner: &str) -> Self {
        let (outer, inner) = (escaped(outer), escaped(inner));
        Self(match kind {
            "table" => format!("metadata/{outer}/{inner}.sql"),
            "database" => format!("metadata/{outer}.sql"),
            "function" => format!("user_defined/function_{outer}.sql"),
            "collection" => format!("named_collections/{outer}.sql"),
            kind => format!("workload/{kind}_{outer}.sql"),
        })
    }

    pub(super) fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Of the table that this says is detached.
    pub(super) fn detached_table(&self) -> Option<Self> {
        self.0.strip_suffix(DETACHED).map(|table| Self(format!("{table}.sql")))
    }

    pub(super) fn is_in(&self, folder: &str) -> bool {
        self.0.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it is of something that was dropped, and is only waited with.
    pub(super) fn is_dropped(&self) -> bool {
        self.is_in("metadata_dropped")
    }
}

/// As ClickHouse writes names of files.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// All of a data directory, own or not.
pub(super) fn all(data_dir: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in entries(&data_dir.join("metadata")) {
        let Some(name) = entry.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            found.push(foreign(entry));
            continue;
        };
        // Through the link that stands for a database's folder.
        if entry.is_dir() {
            found.extend(
                entries(&entry).into_iter().filter_map(|path| one(&format!("metadata/{name}"), path)),
            );
        } else {
            found.extend(one("metadata", entry));
        }
    }
    for folder in FLAT_FOLDERS {
        found.extend(entries(&data_dir.join(folder)).into_iter().filter_map(|path| one(folder, path)));
    }
    found
}

/// When a file was last put into, or taken out of, the folders of databases.
pub(super) fn last_change(data_dir: &Path) -> Option<SystemTime> {
    let folder = data_dir.join("metadata");
    let times =
        entries(&folder).into_iter().chain([folder]).filter_map(|path| path.metadata().ok()?.modified().ok());
    times.max()
}

/// What the engine never makes, whatever it holds.
pub(super) fn never_own(data_dir: &Path) -> Vec<Found> {
    let places = CONFIGURATIONS.iter().map(|folder| data_dir.join(folder));
    let mut never: Vec<_> = places.filter(|path| path.symlink_metadata().is_ok()).map(foreign).collect();
    // In the place of the file that is written at each start.
    let configuration = data_dir.join("engine.xml");
    if configuration.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        never.push(foreign(configuration));
    }
    never
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn foreign(path: PathBuf) -> Found {
    Found { place: Place(String::new()), path, hash: None, is_empty: false }
}

/// The file at a path, unless ClickHouse does not look at it.
fn one(folder: &str, path: PathBuf) -> Option<Found> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Some(foreign(path)) };
    if name.ends_with(HALF_WRITTEN) {
        return None;
    }
    let place = Place(format!("{folder}/{name}"));
    let metadata = path.symlink_metadata().ok()?;
    // Of a database whose folder is missing. Nothing is read through it.
    if metadata.is_symlink() && !name.ends_with(".sql") {
        return None;
    }
    let text =
        (metadata.is_file() && metadata.len() <= MAX_BYTES).then(|| std::fs::read(&path).ok()).flatten();
    let hash = text.as_ref().map(|text| hexadecimal(&Sha256::digest(text)));
    Some(Found { place, path, hash, is_empty: text.is_some_and(|text| text.is_empty()) })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}
