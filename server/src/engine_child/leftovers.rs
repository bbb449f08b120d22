//! What a full disk may leave in the data of an engine so that it does not start.

use crate::store::staging;
use std::fs::{read_dir, remove_file};
use std::path::Path;

/// Removes the descriptions of tables that are made and dropped again all the time. One that was cut off because the disk
/// was full keeps the engine from starting. Nobody needs these tables after a start: the writer makes them anew.
pub(super) fn remove(data_dir: &Path) {
    let databases = read_dir(data_dir.join("metadata")).into_iter().flatten().flatten();
    let files = databases.filter_map(|database| read_dir(database.path()).ok()).flatten().flatten();
    for file in files {
        let name = file.file_name();
        let table = name.to_str().and_then(|name| name.strip_suffix(".sql"));
        if table.is_some_and(staging::is_transient)
            && let Err(error) = remove_file(file.path())
        {
            tracing::warn!(%error, path = %file.path().display(), "cannot remove what an earlier run left");
        }
    }
}
