//! Forked children.
//!
//! A child has all of its parent's memory and none of its threads but the one that forked: a copy of the queue, whose
//! original the parent sends, a copy of what waits for standard output, locks whose holders stayed behind, and the
//! parent's process id in every prepared line. None of that may be used. So the child gets a [`Core`] of its own,
//! set up alike, behind the parent's, as soon as it is noticed that the process is another one. The parent's is left
//! alone.
//!
//! Asking for the process id is a call of the system, too dear for every line. It is asked for
//!
//! - by each thread once a millisecond, when its clock's text changes;
//! - before each record from ERROR on, so that these are always right;
//! - when a lock is taken, because its holder may not be there any more, and when a write fails;
//! - by the guard and the panic hook, always.
//!
//! What the flight recorder keeps of a request stays with the parent: in the child such a request is one that nothing
//! is kept of.
//!
//! So a line that a child logs in the very millisecond of its parent's last one may bear the parent's process id,
//! and get lost if it was to wait in a batch.
//!
//! What the layer cannot help: if a thread begins or ends in the very moment of the fork (ureq has one for each new
//! connection), a lock of the standard library's own may stay behind, and no thread begins in the child. Its lines are
//! written all the same; nothing is sent, and a batch waits for an ERROR, for being full, or for the guard.

use super::{Alarm, ticker};
use crate::forward::{Forwarding, Sender};
use crate::layer::Core;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

/// Locks; not if whoever holds the lock may have stayed behind in the process that this one was forked from.
pub(crate) fn lock_in<T>(pid: u32, mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(state) => Some(state),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) if process::id() != pid => None,
        Err(TryLockError::WouldBlock) => Some(mutex.lock().unwrap_or_else(PoisonError::into_inner)),
    }
}

impl Core {
    /// The one that this process uses, as far as is known.
    #[inline]
    pub(crate) fn current(self: &Arc<Self>) -> &Arc<Self> {
        let mut core = self;
        while let Some(next) = core.next.get() {
            core = next;
        }
        core
    }

    /// The one that this process uses, or is to use from now on.
    pub(crate) fn of_this_process(self: &Arc<Self>) -> &Arc<Self> {
        let core = self.current();
        if core.pid == process::id() { core } else { core.next.get_or_init(|| core.reborn()) }
    }

    /// The same, if the process has used any.
    pub(crate) fn used_by_this_process(self: &Arc<Self>) -> Option<&Arc<Self>> {
        Some(self.current()).filter(|core| core.pid == process::id())
    }

    /// Made for a forked child.
    #[cold]
    fn reborn(&self) -> Arc<Self> {
        let alarm = Arc::<Alarm>::default();
        let closed = self.closed.load(Ordering::Relaxed);
        let core = Arc::new(Self {
            pid: process::id(),
            next: OnceLock::new(),
            identity: self.identity.of_this_process(),
            sink: self.sink.reborn(&alarm).unwrap_or_else(|| Arc::clone(&self.sink)),
            counters: Default::default(),
            queue: self.forwarding.as_ref().map(|forwarding| Arc::new(forwarding.new_queue())),
            recorder: self.forwarding.as_ref().and_then(Forwarding::new_recorder),
            forwarding: self.forwarding.clone(),
            filter: self.filter.clone(),
            writes_trace: self.writes_trace,
            style: self.style,
            // The standard library takes one at a time; the lock for that may have been held when the process forked.
            takes_backtraces: false,
            reports_messages: self.reports_messages,
            messages_reported: AtomicUsize::new(self.messages_reported.load(Ordering::Relaxed)),
            hook: self.hook.clone(),
            flush_timeout: self.flush_timeout,
            alarm,
            own_filter: self.own_filter.clone(),
            settings: self.settings.clone(),
            closed: AtomicBool::new(closed),
        });
        // A child that gets no threads writes all the same, and counts what it cannot send.
        if closed || ticker::start(&core, &self.settings).is_err() {
            core.sink.stop_batching();
        }
        if let (Some(queue), Some(forwarding)) = (&core.queue, &core.forwarding) {
            let client = forwarding.new_client();
            if closed || Sender::start(Arc::clone(&core), Arc::clone(queue), client).is_err() {
                queue.end();
            }
        }
        core
    }
}
