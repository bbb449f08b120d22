//! Where a run takes place.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::cargo::{self, Program};
use crate::server::{ServerOptions, open_log};
use crate::{interrupt, libchdb};

/// The log of everything that is started.
pub(super) const LOG_NAME: &str = "server.log";

/// Which program is tested.
#[derive(Clone, clap::Args)]
pub(super) struct Tested {
    /// Build the server with optimisations
    #[arg(long)]
    release: bool,
    /// The program to test, instead of building it
    #[arg(long)]
    server: Option<PathBuf>,
}

/// The program under test and a directory for its data and its log.
pub(super) struct Place {
    directory: TempDir,
    pub(super) binary: PathBuf,
    pub(super) libchdb: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(prefix: &str, tested: Tested) -> Result<Self> {
        let libchdb = libchdb::ensure_present()?;
        let binary = tested.server.map_or_else(|| cargo::build(Program::Server, tested.release), Ok)?;
        interrupt::check()?;
        let directory =
            tempfile::Builder::new().prefix(prefix).tempdir().context("cannot make a directory")?;
        Ok(Self { directory, binary, libchdb })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn options(&self) -> ServerOptions {
        let mut options = ServerOptions::on_free_ports(&self.binary, &self.path().join("data"));
        options.libchdb.clone_from(&self.libchdb);
        options.log = Some(self.path().join(LOG_NAME));
        options
    }

    /// Lines of the log that tell of a panic.
    pub(super) fn panics(&self) -> Vec<String> {
        let log = std::fs::read(self.path().join(LOG_NAME)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect()
    }

    /// The log, to append to.
    pub(super) fn log_file(&self) -> Result<File> {
        open_log(&self.path().join(LOG_NAME))
    }

    /// Leaves data and log where they are and says where.
    pub(super) fn keep(self) -> String {
        format!("data and {LOG_NAME} are kept in {}", self.directory.keep().display())
    }
}
