//! The flight recorder: keeps the records of every request that is under way, and sends those of the requests that
//! went wrong.
//!
//! What is kept of a request hangs on the span that opened it, so that no map is looked into. An ERROR, a panic or too
//! long a time hands everything kept to the forwarder's queue; what the request says after that goes straight there.
//! When the span closes, the memory is used again for the next request.
//!
//! A buffer that is full loses its oldest records; it is full when it can grow no more, be it that the request has its
//! share or that all requests together have theirs. What is missing is counted once the request goes wrong, and a
//! record in front of those that are left says how much it is.

mod ring;

use crate::forward::Worth;
use crate::layer::Core;
use crate::limits::{
    FIRST_RECORDING_BYTES, KEPT_BUFFER_BYTES, KEPT_RECORDINGS, RECORDER_BYTES, REQUEST_BYTES, REQUEST_RECORDS,
};
use crate::line;
use crate::span::SpanNode;
use log_center_wire::Level;
use ring::Ring;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The shortest line that there is room for a mark of. A shorter one makes the buffer full a little earlier.
const SHORT_LINE_BYTES: usize = 128;

/// How much may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Memory for all requests.
    pub(crate) bytes: usize,
    /// Of one request.
    pub(crate) request_bytes: usize,
    pub(crate) request_records: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: RECORDER_BYTES, request_bytes: REQUEST_BYTES, request_records: REQUEST_RECORDS }
    }
}

/// What all requests share.
pub(crate) struct Recorder {
    bounds: Bounds,
    slow_request: Option<Duration>,
    /// Memory of all buffers, those in `spare` too.
    held: AtomicUsize,
    spare: Mutex<Vec<Ring>>,
}

impl Recorder {
    pub(crate) fn new(bounds: Bounds, slow_request: Option<Duration>) -> Self {
        Self { bounds, slow_request, held: AtomicUsize::new(0), spare: Mutex::default() }
    }

    /// Memory that is held at the moment.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn is_slow(&self, duration: Duration) -> bool {
        self.slow_request.is_some_and(|slow| duration >= slow)
    }

    /// Keeps a line. How many are lost by it.
    fn keep(&self, ring: &mut Ring, line: &[u8]) -> usize {
        let mut lost = 0;
        if ring.len() == self.bounds.request_records {
            ring.drop_oldest();
            lost += 1;
        }
        while !ring.push(line) {
            if !self.grow(ring, line.len()) {
                lost += 1;
                if !ring.drop_oldest() {
                    break;
                }
            }
        }
        lost
    }

    /// Whether there was memory to grow.
    #[cold]
    fn grow(&self, ring: &mut Ring, length: usize) -> bool {
        let before = ring.capacity();
        if before == 0 {
            *ring = self.spare().pop().unwrap_or_default();
            if ring.capacity() >= length {
                return true;
            }
        }
        let Bounds { request_bytes, request_records, .. } = self.bounds;
        // Room for what there is and the line, or it would grow twice.
        let wanted = (2 * before).max(before + length).max(FIRST_RECORDING_BYTES);
        let bytes = wanted.min(request_bytes);
        if bytes <= ring.capacity() {
            return false;
        }
        let lines = (bytes / SHORT_LINE_BYTES).clamp(1, request_records);
        let growth = Ring::footprint_of(bytes, lines).saturating_sub(ring.footprint());
        if !(self.reserve(growth) || self.drop_spare() && self.reserve(growth)) {
            return false;
        }
        let expected = ring.footprint() + growth;
        ring.grow(bytes, lines);
        // What the allocator really gave.
        self.held.fetch_add(ring.footprint(), Ordering::Relaxed);
        self.held.fetch_sub(expected, Ordering::Relaxed);
        true
    }

    fn reserve(&self, bytes: usize) -> bool {
        let fits = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.bounds.bytes);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Gives back what is kept to use again. Whether there was anything.
    fn drop_spare(&self) -> bool {
        let spare = std::mem::take(&mut *self.spare());
        let freed: usize = spare.iter().map(Ring::footprint).sum();
        self.held.fetch_sub(freed, Ordering::Relaxed);
        freed > 0
    }

    /// Takes the buffer of a request that needs it no more.
    fn give_back(&self, mut ring: Ring) {
        if ring.capacity() == 0 {
            return;
        }
        ring.clear();
        let footprint = ring.footprint();
        let mut spare = self.spare();
        if spare.len() < KEPT_RECORDINGS && ring.capacity() <= KEPT_BUFFER_BYTES {
            spare.push(ring);
        } else {
            drop(spare);
            drop(ring);
            self.held.fetch_sub(footprint, Ordering::Relaxed);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Ring>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of one request, by the span that opened it.
pub(crate) struct Recording {
    core: Arc<Core>,
    /// None if no request is too slow.
    opened: Option<Instant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Ring,
    missing: usize,
    /// What the request's records are worth, once it has gone wrong.
    told: Option<Worth>,
    /// A record said how long the request took.
    is_timed: bool,
}

impl Recording {
    /// Of a request that begins; None if there is no flight recorder.
    pub(crate) fn new(core: &Arc<Core>) -> Option<Self> {
        let recorder = core.recorder.as_ref()?;
        let opened = recorder.slow_request.map(|_| Instant::now());
        Some(Self { core: Arc::clone(core), opened, state: Mutex::default() })
    }

    /// Whether this is the recorder of that layer.
    pub(crate) fn is_of(&self, core: &Core) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.core), core)
    }

    /// Takes a record of the request; `tm` is what it says of the time that the request took.
    pub(crate) fn take(&self, line: &[u8], level: Level, tm: Option<Duration>, span: &SpanNode) {
        let Some(recorder) = &self.core.recorder else { return };
        let is_slow = tm.is_some_and(|tm| recorder.is_slow(tm));
        let mut state = self.state();
        state.is_timed |= tm.is_some();
        let worth =
            if level >= Level::Error { Some(Worth::Failure) } else { is_slow.then_some(Worth::Ordinary) };
        match (worth, state.told) {
            (Some(worth), _) => self.tell(&mut state, worth, Some(line), span),
            (None, Some(worth)) => {
                drop(state);
                if let Some(queue) = &self.core.queue {
                    queue.append(line, worth);
                }
            }
            (None, None) => state.missing += recorder.keep(&mut state.kept, line),
        }
    }

    /// The request met a panic.
    pub(crate) fn panicked(&self, span: &SpanNode) {
        let mut state = self.state();
        if state.told.is_none() {
            self.tell(&mut state, Worth::Failure, None, span);
        }
    }

    /// The request's span is closed.
    pub(crate) fn end(mut self, span: &SpanNode) {
        let mut state = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Some(recorder) = &self.core.recorder else { return };
        let is_slow = || self.opened.is_some_and(|opened| recorder.is_slow(opened.elapsed()));
        if state.told.is_none() && !state.is_timed && is_slow() {
            self.tell(&mut state, Worth::Ordinary, None, span);
        }
        recorder.give_back(state.kept);
    }

    /// Hands over what was kept, and the line behind it.
    fn tell(&self, state: &mut State, worth: Worth, last: Option<&[u8]>, span: &SpanNode) {
        // An ERROR after slowness makes what follows worth more; nothing makes it worth less.
        let worth = if state.told == Some(Worth::Failure) { Worth::Failure } else { worth };
        state.told = Some(worth);
        let kept = std::mem::take(&mut state.kept);
        let missing = std::mem::take(&mut state.missing);
        let mut gap = Vec::new();
        if missing > 0 {
            let next = kept.iter().next().or(last);
            line::write_gap(&mut gap, &self.core.identity, next.unwrap_or_default(), span, missing);
        }
        let gap = (missing > 0).then_some(&gap[..]);
        if let Some(queue) = &self.core.queue {
            queue.append_all(gap.into_iter().chain(kept.iter()).chain(last), worth, missing);
        }
        if let Some(recorder) = &self.core.recorder {
            recorder.give_back(kept);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
