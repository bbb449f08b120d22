//! The buffers of a thread, used again for every event, so that a warm thread allocates nothing.
//!
//! A `Debug` that logs comes back in here while its thread's buffers are in use. One such event is written with
//! buffers of its own; one inside of that, and one that comes from the writer itself, is dropped: a `Debug` that
//! logs itself would go on for ever, and a writer that logs may hold the very lock that its own line needs.

use crate::capture::Captured;
use crate::limits::KEPT_BUFFER_BYTES;
use crate::line::{Clock, UniqueIds};
use std::cell::{Cell, RefCell};

/// Events that may be under way on one thread: one, and one from a `Debug` or `Display` inside of it.
const NESTING: u8 = 2;

/// No further event may begin.
const CLOSED: u8 = u8::MAX;

thread_local! {
    static THREAD: Thread =
        const { Thread { depth: Cell::new(0), scratch: RefCell::new(None) } };
}

struct Thread {
    depth: Cell<u8>,
    /// Made for the thread's first event.
    scratch: RefCell<Option<Box<Scratch>>>,
}

/// Everything that making a line needs room for.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) line: Vec<u8>,
    pub(crate) captured: Captured,
    pub(crate) clock: Clock,
    pub(crate) ids: UniqueIds,
}

/// How deep events are nested on this thread. It is as before once this is dropped, by a panic too.
pub(crate) struct Nesting<'a> {
    depth: &'a Cell<u8>,
    outer: u8,
}

impl<'a> Nesting<'a> {
    /// One more event; `None` if they are nested too deep already.
    #[inline]
    fn enter(depth: &'a Cell<u8>) -> Option<Self> {
        let outer = depth.get();
        (outer < NESTING).then(|| {
            depth.set(outer + 1);
            Self { depth, outer }
        })
    }

    /// From here on no event may nest at all.
    #[inline]
    pub(crate) fn close(&self) {
        self.depth.set(CLOSED);
    }
}

impl Drop for Nesting<'_> {
    fn drop(&mut self) {
        self.depth.set(self.outer);
    }
}

/// Works with the thread's buffers, which are empty; `None` if events are nested too deep already.
#[inline]
pub(crate) fn with<R>(work: impl FnOnce(&mut Scratch, &Nesting<'_>) -> R) -> Option<R> {
    let mut work = Some(work);
    let on_thread = |thread: &Thread| {
        let nesting = Nesting::enter(&thread.depth)?;
        let work = work.take()?;
        Some(match thread.scratch.try_borrow_mut() {
            Ok(mut kept) => {
                let scratch = kept.get_or_insert_default();
                scratch.clear();
                let result = work(scratch, &nesting);
                scratch.shrink();
                result
            }
            // This event came out of another one.
            Err(_) => work(&mut Scratch::default(), &nesting),
        })
    };
    match THREAD.try_with(on_thread) {
        Ok(result) => result,
        // A thread on its way out has no thread-locals any more, and may still log.
        Err(_) => {
            let depth = Cell::new(0);
            let nesting = Nesting::enter(&depth)?;
            work.take().map(|work| work(&mut Scratch::default(), &nesting))
        }
    }
}

/// Whether the layer is at work on this thread: what panics now is caught by it.
pub(crate) fn is_lent() -> bool {
    THREAD.try_with(|thread| thread.depth.get() > 0).unwrap_or(false)
}

impl Scratch {
    #[inline]
    fn clear(&mut self) {
        self.line.clear();
        self.captured.clear();
    }

    /// Gives back what one huge event took.
    #[inline]
    fn shrink(&mut self) {
        if self.line.capacity() > KEPT_BUFFER_BYTES {
            self.line = Vec::new();
        }
        self.captured.shrink();
    }
}
