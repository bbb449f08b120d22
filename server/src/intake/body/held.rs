//! How much memory all bodies together may take.

use crate::error::ApiError;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The first bytes of each body, more than most reports have, count towards nothing: connections have a limit, and so have these. 4 KiB.
const FREE_BYTES: usize = 4 << 10;

/// Up to here a body is a small one, whose room large ones cannot take: 64 KiB.
const SMALL_BYTES: usize = 64 << 10;

/// How much of small bodies, and of the beginnings of large ones, is held at once: 64 MiB. More is answered with 503.
const SMALL_HELD_BYTES: usize = 64 << 20;

/// How much of large bodies is held at once beyond their beginnings: 128 MiB. More is answered with 503.
const LARGE_HELD_BYTES: usize = 128 << 20;

/// Room for bodies of one kind.
struct Room {
    taken: AtomicUsize,
    most: usize,
}

static SMALL: Room = Room { taken: AtomicUsize::new(0), most: SMALL_HELD_BYTES };
static LARGE: Room = Room { taken: AtomicUsize::new(0), most: LARGE_HELD_BYTES };

impl Room {
    /// Takes so much. It has to be given back also if there was not so much.
    fn take(&self, bytes: usize) -> Result<(), ApiError> {
        if self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.most {
            return Ok(());
        }
        Err(ApiError::Unavailable {
            code: "overloaded",
            message: "too many bodies at once".to_owned(),
            retry_after_seconds: 1,
        })
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A whole body. It counts towards what all bodies together hold until it is dropped.
pub struct Received {
    pub(super) bytes: Vec<u8>,
    small: usize,
    large: usize,
}

impl Received {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), small: 0, large: 0 }
    }

    /// Makes room for more.
    pub(super) fn grow(&mut self) -> Result<(), ApiError> {
        if self.bytes.capacity() > self.bytes.len() {
            return Ok(());
        }
        // Doubling, as a vector does by itself, so that a large body is not copied again and again.
        let more = self.bytes.len().max(FREE_BYTES);
        let length = self.bytes.len() + more;
        if length > SMALL_BYTES {
            self.large += more;
            LARGE.take(more)?;
        } else if length > FREE_BYTES {
            self.small += more;
            SMALL.take(more)?;
        }
        self.bytes.reserve_exact(more);
        Ok(())
    }
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        SMALL.give_back(self.small);
        LARGE.give_back(self.large);
    }
}
