//! Ends that no guard sees: `std::process::exit`, and a `main` that keeps no guard.
//!
//! The destructors of a thread's own variables run when the thread ends, and on Linux with glibc, and on macOS,
//! for the thread that calls `exit`, too. So one such variable is put on the thread that builds a layer, and, if
//! lines are batched, on every thread that logs. It writes what is kept; on the main thread, whose end is always
//! that of the process, it also sends what waits, within the layer's own time for that.

use crate::layer::Core;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

thread_local! {
    static END: End = const { End { built_here: RefCell::new(Vec::new()) } };
}

/// All layers of the process whose lines are batched.
static BATCHED: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

fn batched() -> MutexGuard<'static, Vec<Weak<Core>>> {
    BATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Acts when the thread ends.
struct End {
    built_here: RefCell<Vec<Weak<Core>>>,
}

/// Has this thread look after a layer when it ends.
pub(super) fn attend(core: &Arc<Core>, batches: bool) {
    if batches {
        add(&mut batched(), core);
    }
    let _ = END.try_with(|end| add(&mut end.built_here.borrow_mut(), core));
}

fn add(cores: &mut Vec<Weak<Core>>, core: &Arc<Core>) {
    cores.retain(|core| core.strong_count() > 0);
    cores.push(Arc::downgrade(core));
}

/// Sees to it that this thread flushes batched lines when it ends. Whether it will: not if it is ending already.
pub(crate) fn flushes_at_end() -> bool {
    END.try_with(|_| ()).is_ok()
}

impl Drop for End {
    fn drop(&mut self) {
        let now = Instant::now();
        let batched: Vec<_> = batched().iter().filter_map(Weak::upgrade).collect();
        // What a forked child finds of its parent's is the parent's to write.
        for core in batched.iter().filter_map(Core::used_by_this_process) {
            core.sink.flush();
        }
        // What the standard library calls the thread that the process began with.
        let is_main = thread::current().name() == Some("main");
        let built_here: Vec<_> = self.built_here.take().iter().filter_map(Weak::upgrade).collect();
        for core in built_here.iter().filter_map(Core::used_by_this_process) {
            if is_main {
                core.flush(now + core.flush_timeout);
            } else {
                core.sink.flush();
            }
        }
    }
}
