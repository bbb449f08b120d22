//! Where what is not the store's own is moved to.

use std::fs::{create_dir_all, rename};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::found::Found;
use crate::Error;

/// How the names of the folders begin.
const FOLDER: &str = "quarantine";

/// Moves all of these into a new folder of the data directory, which ClickHouse does not read, under the paths that they had.
pub(super) fn move_aside(data_dir: &Path, foreign: &[Found]) -> Result<(), Error> {
    if foreign.is_empty() {
        return Ok(());
    }
    let folder = new_folder(data_dir);
    for one in foreign {
        let from = one.path.strip_prefix(data_dir).unwrap_or(&one.path);
        let to = folder.join(from);
        let failed =
            |error| Error::on_path("cannot move aside what is not the store's own:", &one.path, error);
        if let Some(parent) = to.parent() {
            create_dir_all(parent).map_err(failed)?;
        }
        rename(&one.path, &to).map_err(failed)?;
        tracing::warn!(
            what = %from.display(),
            to = %to.display(),
            "moved aside what no statement with the password made; ClickHouse would have read it at this start"
        );
    }
    Ok(())
}

/// A name with the time in seconds, and a number if that is taken.
fn new_folder(data_dir: &Path) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let names = (0_u32..).map(|number| match number {
        0 => format!("{FOLDER}-{seconds}"),
        number => format!("{FOLDER}-{seconds}-{number}"),
    });
    let mut folders =
        names.map(|name| data_dir.join(name)).filter(|folder| folder.symlink_metadata().is_err());
    // The names do not end.
    folders.next().unwrap_or_else(|| data_dir.join(FOLDER))
}
