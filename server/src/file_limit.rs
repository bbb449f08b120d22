//! How many files the server and its engine may have open.

use anyhow::bail;
use rustix::process::{Resource, getrlimit, setrlimit};

/// The least that works for server and engine, each: tables have many files, and each connection is one more.
const FILES_MIN: u64 = 1_024;

/// Takes as many open files as the system lets this process have. The engine inherits them.
///
/// # Errors
/// They are too few; the error says how many are needed.
pub(crate) fn raise() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum;
    if limit.current.is_some() && limit.current != wanted {
        limit.current = wanted;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the number of open files stays as it is");
        }
    }
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FILES_MIN => bail!(
            "this process may have {files} files open (ulimit -n, LimitNOFILE=), and at least {FILES_MIN} are needed"
        ),
        _ => Ok(()),
    }
}
