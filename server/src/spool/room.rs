//! How much room the disk has, looked at by a clock and before each write.

use super::database::lock;
use super::{SpoolError, limits};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The room on the disk of the spool, as it was seen last.
pub(super) struct Room {
    directory: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    free_bytes: Option<u64>,
    size_bytes: Option<u64>,
    failure: Option<String>,
}

impl Room {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, seen: Mutex::default() }
    }

    /// Looks at the disk. The one place that decides whether there is room.
    pub(super) fn check(&self) -> Result<(), SpoolError> {
        let seen = match rustix::fs::statvfs(&self.directory) {
            Ok(disk) => Seen::of(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize),
            // A write will say what is the matter.
            Err(_) => Seen::default(),
        };
        let failure = seen.failure.clone();
        let before = std::mem::replace(&mut *lock(&self.seen), seen);
        match (&before.failure, &failure) {
            (None, Some(reason)) => {
                tracing::error!(%reason, "the disk of the spool has no room; everything is refused until it has");
            }
            (Some(_), None) => tracing::info!("the disk of the spool has room again"),
            _ => {}
        }
        failure.map_or(Ok(()), |reason| Err(SpoolError::Disk(reason)))
    }

    /// Why there was no room at the last look.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.seen).failure.clone()
    }

    pub(super) fn free_bytes(&self) -> Option<u64> {
        lock(&self.seen).free_bytes
    }

    pub(super) fn size_bytes(&self) -> Option<u64> {
        lock(&self.seen).size_bytes
    }
}

impl Seen {
    fn of(free_bytes: u64, size_bytes: u64) -> Self {
        let headroom = limits::HEADROOM_BYTES.min(size_bytes / 20);
        let failure = (free_bytes < headroom)
            .then(|| format!("only {free_bytes} bytes are free, {headroom} are kept free"));
        Self { free_bytes: Some(free_bytes), size_bytes: Some(size_bytes), failure }
    }
}

/// Looks at the disk again and again for as long as the spool is open: nobody needs to send something for the state to be
/// right.
///
/// # Errors
/// There is no thread.
pub(super) fn watch(room: &Arc<Room>) -> Result<(), SpoolError> {
    let room = Arc::downgrade(room);
    let looks = move || {
        while let Some(room) = room.upgrade() {
            _ = room.check();
            drop(room);
            std::thread::sleep(Duration::from_millis(limits::ROOM_CHECK_MS));
        }
    };
    let thread = std::thread::Builder::new().name("spool room".to_owned()).spawn(looks);
    thread.map(|_| ()).map_err(|error| SpoolError::Disk(format!("no thread: {error}")))
}
