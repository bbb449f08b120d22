//! Somebody else on the same disk, who fills it to its last block for a while.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::fs::{FallocateFlags, fallocate};

/// The first attempt, in bytes; what does not fit is halved.
const LARGEST_PIECE: u64 = 1 << 30;

/// The last block.
const SMALLEST_PIECE: u64 = 4 << 10;

/// How often it takes what became free meanwhile: ClickHouse removes old parts.
const TOP_UP_PERIOD: Duration = Duration::from_millis(5);

/// A file that takes all room there is until it is removed.
#[derive(Debug)]
pub(super) struct Filler {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Filler {
    /// Fills the disk below `directory` and keeps it full.
    pub(super) fn start(directory: &Path) -> Result<Self> {
        let path = directory.join("filler");
        let file = File::create(&path).context("cannot make the file that fills the disk")?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut filler = Self { path, stop: Arc::clone(&stop), thread: None };
        let mut size = take_all(&file, 0);
        filler.thread = Some(thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(TOP_UP_PERIOD);
                size = take_all(&file, size);
            }
        }));
        Ok(filler)
    }

    /// Gives all the room back; says when that was.
    pub(super) fn remove(mut self) -> Result<Instant> {
        self.end()?;
        fs::remove_file(&self.path).context("cannot remove the file that fills the disk")?;
        Ok(Instant::now())
    }

    fn end(&mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        ended.map_err(|_| anyhow!("the thread that fills the disk panicked"))
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ended = self.end();
        let _removed_before = fs::remove_file(&self.path);
    }
}

/// Takes all room after the first `size` bytes of `file`; returns the new size.
fn take_all(file: &File, mut size: u64) -> u64 {
    let mut piece = LARGEST_PIECE;
    while piece >= SMALLEST_PIECE {
        match fallocate(file, FallocateFlags::empty(), size, piece) {
            Ok(()) => size += piece,
            Err(_no_room) => piece /= 2,
        }
    }
    size
}
