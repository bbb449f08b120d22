//! Where things are: the project's root and what lies below it.

use std::path::{Path, PathBuf};

/// The project's root directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// What is fetched and is neither a crate nor a web package; ignored by git, safe to delete.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}
