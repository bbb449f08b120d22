//! The folder of a part: whether it is what ClickHouse believes, and how it is put where ClickHouse does not load it from.

use crate::store::part::ActivePart;
use std::io;
use std::path::Path;

/// Files of a part that ClickHouse does not count into its size on disk.
const UNCOUNTED_FILES: [&str; 7] = [
    "checksums.txt",
    "columns.txt",
    "columns_substreams.txt",
    "default_compression_codec.txt",
    "metadata_version.txt",
    "txn_version.txt",
    "uuid.txt",
];

/// How the name of a folder begins to which a part was moved from here. ClickHouse writes `broken-on-start_`.
pub(super) const ASIDE: &str = "broken_";

/// Files without which ClickHouse cannot read a part, and which are never empty.
const NEEDED_FILES: [&str; 2] = ["checksums.txt", "columns.txt"];

/// Whether the files of a part have the sizes that ClickHouse believes.
pub(super) fn is_whole(part: &ActivePart) -> bool {
    let directory = Path::new(&part.path);
    let is_needed_there = |name| std::fs::metadata(directory.join(name)).is_ok_and(|file| file.len() > 0);
    let counted_bytes = || -> io::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if !UNCOUNTED_FILES.iter().any(|name| entry.file_name() == *name) {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    };
    // More than expected is no damage: a newer ClickHouse may write files that nobody here knows.
    NEEDED_FILES.into_iter().all(is_needed_there)
        && counted_bytes().is_ok_and(|bytes| bytes >= part.bytes_on_disk)
}

/// How many rows a folder says that it has.
pub(super) fn rows(folder: &str) -> Option<u64> {
    std::fs::read_to_string(Path::new(folder).join("count.txt")).ok()?.trim().parse().ok()
}

/// Moves a part where ClickHouse does not load it from. The engine must be down.
pub(super) fn put_aside(part: &ActivePart) {
    let directory = Path::new(&part.path);
    let Some(table) = directory.parent() else { return };
    let detached = table.join("detached");
    let free = (0..).map(|number| match number {
        0 => detached.join(format!("{ASIDE}{}", part.name)),
        number => detached.join(format!("{ASIDE}{}_try{number}", part.name)),
    });
    let moved = std::fs::create_dir_all(&detached).and_then(|()| {
        match free.into_iter().find(|path| !path.exists()) {
            Some(path) => std::fs::rename(directory, path),
            None => Ok(()),
        }
    });
    if let Err(error) = moved {
        tracing::error!(%error, part = part.name, path = part.path, "the damaged part cannot be moved; trying on");
    }
}
