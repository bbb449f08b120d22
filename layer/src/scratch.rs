//! The buffers of a thread, used again for every event, so that a warm thread allocates nothing.
//!
//! A `Debug` that logs comes back in here while its thread's buffers are in use. One such event is written with
//! buffers of its own; one inside of that, and one that comes from the writer itself, is dropped: a `Debug` that
//! logs itself would go on for ever, and a writer that logs may hold the very lock that its own line needs.

use crate::capture::Captured;
use crate::limits::KEPT_BUFFER_BYTES;
use crate::line::Clock;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Events that may be under way on one thread: one, and one from a `Debug` or `Display` inside of it.
const NESTING: u8 = 2;

/// No further event may begin.
const CLOSED: u8 = u8::MAX;

thread_local! {
    static KEPT: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

/// Everything that making a line needs room for.
pub(crate) struct Scratch {
    pub(crate) line: Vec<u8>,
    pub(crate) captured: Captured,
    pub(crate) clock: Clock,
}

/// A thread's buffers, on loan. They go back when this is dropped, by a panic too.
pub(crate) struct Lease {
    // Taken only by `drop`.
    scratch: Option<Box<Scratch>>,
    outer_depth: u8,
}

/// Takes the thread's buffers, emptied; `None` if events are already nested too deep.
pub(crate) fn lease() -> Option<Lease> {
    // A thread on its way out has no thread-locals any more, and may still log.
    let outer_depth = DEPTH.try_with(Cell::get).unwrap_or(0);
    if outer_depth >= NESTING {
        return None;
    }
    let _ = DEPTH.try_with(|depth| depth.set(outer_depth + 1));
    let mut scratch = KEPT.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
        Box::new(Scratch { line: Vec::new(), captured: Captured::default(), clock: Clock::new() })
    });
    scratch.line.clear();
    scratch.captured.clear();
    Some(Lease { scratch: Some(scratch), outer_depth })
}

impl Lease {
    /// From here on no event may nest at all.
    pub(crate) fn close(&self) {
        let _ = DEPTH.try_with(|depth| depth.set(CLOSED));
    }
}

impl Deref for Lease {
    type Target = Scratch;

    #[expect(clippy::expect_used, reason = "empty only while being dropped")]
    fn deref(&self) -> &Scratch {
        self.scratch.as_ref().expect("a lease holds its buffers")
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "empty only while being dropped")]
    fn deref_mut(&mut self) -> &mut Scratch {
        self.scratch.as_mut().expect("a lease holds its buffers")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(self.outer_depth));
        if let Some(mut scratch) = self.scratch.take() {
            if scratch.line.capacity() > KEPT_BUFFER_BYTES {
                scratch.line = Vec::new();
            }
            scratch.captured.shrink();
            let _ = KEPT.try_with(|kept| kept.set(Some(scratch)));
        }
    }
}
