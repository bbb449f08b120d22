//! One engine a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::Error;

const FILE_NAME: &str = "engine.lock";

/// How often a waiting engine looks again.
const RETRY: Duration = Duration::from_millis(50);

/// Held as long as the process lives. The kernel releases it, however the process ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

/// Takes the lock of `directory`, waiting up to `patience` for its holder to end.
///
/// `give_up` is asked now and then and ends the wait early.
pub(crate) fn acquire(
    directory: &Path,
    patience: Duration,
    give_up: impl Fn() -> bool,
) -> Result<DirectoryLock, Error> {
    let path = directory.join(FILE_NAME);
    let mut file = open(&path).map_err(|error| Error::on_path("cannot open the lock file", &path, error))?;
    let started = Instant::now();
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => {
                return Err(Error::on_path("cannot lock", &path, error));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        let holder = holder(&mut file);
        if started.elapsed() >= patience || give_up() {
            return Err(Error::new(format!(
                "the data directory {} is in use by another engine ({holder}); stop that one, or choose another \
                 --data-dir",
                directory.display()
            )));
        }
        if !said {
            tracing::info!(directory = %directory.display(), %holder, patience_s = patience.as_secs(), "waiting for another engine to leave the data directory");
            said = true;
        }
        std::thread::sleep(RETRY);
    }
    write_own_pid(&mut file).map_err(|error| Error::on_path("cannot write", &path, error))?;
    Ok(DirectoryLock { _file: file })
}

/// Opens the file itself: a link in its place is removed, not followed, as the file is written to.
fn open(path: &Path) -> std::io::Result<File> {
    if path.symlink_metadata().is_ok_and(|there| there.is_symlink()) {
        tracing::warn!(path = %path.display(), "removed a link in the place of the lock file");
        std::fs::remove_file(path)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

fn holder(file: &mut File) -> String {
    use std::io::Seek as _;
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "process unknown".to_owned(),
    }
}

fn write_own_pid(file: &mut File) -> std::io::Result<()> {
    use std::io::Seek as _;
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}
