//! Panics as records.
//!
//! ```text
//! a panic
//!  ├ while the layer formats or writes: caught there, `<panicked>` or a line not written; nothing here
//!  ├ in a request that is watched: the request's `client-res` tells it, with the file and line kept here;
//!  │   if the program catches it before it gets there, the record `panic`
//!  ├ anywhere else: the record `panic`, an ERROR
//!  │   └ and then drops the guard: `panic ends the process`, a FATAL with the same `event_id`
//!  └ that cannot unwind: the FATAL alone, and a flush, because the process ends when the hook returns
//! ```
//!
//! A panic inside of the hook would end the process, and the panicking thread may hold any lock, a writer's or one of
//! the registry's. So the record is made by a thread that exists for nothing else, and waited for no longer than
//! [`TELLING_TIMEOUT`].

use super::{PANIC_ENDS, PANICKED};
use crate::layer::Core;
use crate::line::unique_id;
use crate::scratch;
use crate::span::SpanNode;
use log_center_wire::Level;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tracing_core::dispatcher::{self, Dispatch};
use tracing_core::{Subscriber, span};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// How long a panicking thread waits for its record to be written. Finding the names of a stack may take a second.
const TELLING_TIMEOUT: Duration = Duration::from_secs(3);

/// What the runtime itself says when a panic meets a frame that it must not unwind. It is the second word on a panic
/// that was told already.
const MUST_NOT_UNWIND: [&str; 2] =
    ["panic in a function that cannot unwind", "panic in a destructor during cleanup"];

/// What the runtime itself says of a program that is broken beyond unwinding.
const BROKEN: &str = "unsafe precondition(s) violated";

thread_local! {
    /// The last panic of this thread that was anybody's business.
    static LAST: RefCell<Option<Arc<PanicNote>>> = const { RefCell::new(None) };
    /// How many steps around this point are watched.
    static WATCHES: Cell<u32> = const { Cell::new(0) };
    /// Left for the watch to tell.
    static UNTOLD: RefCell<Option<Telling>> = const { RefCell::new(None) };
}

/// The last panic of all threads, for the one that ends by it although another one met it.
static LAST_OF_ALL: Mutex<Option<Arc<PanicNote>>> = Mutex::new(None);

/// The layers that tell of panics.
static HOOKED: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// What is known of a panic.
#[derive(Debug)]
pub(crate) struct PanicNote {
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// The same in each record of this panic, so that it counts once.
    pub(crate) event_id: [u8; 32],
    backtrace: Backtrace,
}

impl PanicNote {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let place = info.location();
        Self {
            message: words(info.payload()),
            file: place.map_or("unknown", |place| place.file()).to_owned(),
            line: place.map_or(0, |place| place.line()),
            event_id: unique_id(),
            backtrace: Backtrace::capture(),
        }
    }

    fn unknown() -> Self {
        Self {
            message: "panic".to_owned(),
            file: "unknown".to_owned(),
            line: 0,
            event_id: unique_id(),
            backtrace: Backtrace::disabled(),
        }
    }

    /// The stack below the place of the panic, if it was asked for.
    pub(crate) fn trace(&self) -> Option<String> {
        let captured = self.backtrace.status() == BacktraceStatus::Captured;
        captured.then(|| without_machinery(&self.backtrace.to_string()))
    }
}

/// What a panic says; most say a text.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic").to_owned()
}

/// Leaves out what is the same in every one: the frames of this hook and of the panic itself at the top, those that
/// began the thread at the bottom.
fn without_machinery(backtrace: &str) -> String {
    let frame = |line: &str| line.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let lines: Vec<&str> = backtrace.lines().collect();
    let panicking = lines.iter().rposition(|line| line.contains(": core::panicking::"));
    // Up to the next frame come the file and line of this one.
    let top = panicking.map_or(0, |last| last + 1);
    let top = top + lines[top..].iter().take_while(|line| !frame(line)).count();
    let bottom = lines[top..].iter().position(|line| line.contains("__rust_begin_short_backtrace"));
    let bottom = bottom.map_or(lines.len(), |count| top + count);
    lines[top..bottom].join("\n")
}

/// Has the panics of the process told by a layer, too.
pub(super) fn hook(core: &Arc<Core>) {
    static INSTALLED: Once = Once::new();

    // A hook cannot be set by a thread that is panicking.
    if thread::panicking() {
        return;
    }
    {
        let mut hooked = hooked();
        hooked.retain(|core| core.strong_count() > 0);
        hooked.push(Arc::downgrade(core));
    }
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            on_panic(info);
            previous(info);
        }));
    });
}

fn hooked() -> MutexGuard<'static, Vec<Weak<Core>>> {
    HOOKED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last_of_all() -> MutexGuard<'static, Option<Arc<PanicNote>>> {
    LAST_OF_ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last() -> Option<Arc<PanicNote>> {
    LAST.try_with(|last| last.borrow().clone()).ok().flatten()
}

fn take_last() -> Option<Arc<PanicNote>> {
    LAST.try_with(RefCell::take).ok().flatten()
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let cores: Vec<_> = hooked().iter().filter_map(Weak::upgrade).collect();
    let cores: Vec<_> = cores.iter().map(|core| Arc::clone(core.of_this_process())).collect();
    // A panic while the layer is at work on this thread is caught by it.
    if cores.is_empty() || scratch::is_lent() {
        return;
    }
    let said = words(info.payload());
    let stops_unwinding = MUST_NOT_UNWIND.contains(&said.as_str());
    let ends_process = cfg!(panic = "abort") || stops_unwinding || said.starts_with(BROKEN);
    let cause = if stops_unwinding { last() } else { None };
    let note = cause.unwrap_or_else(|| Arc::new(PanicNote::of(info)));
    let _ = LAST.try_with(|last| last.replace(Some(Arc::clone(&note))));
    *last_of_all() = Some(Arc::clone(&note));

    let telling = Telling { note, cores, place: Place::current(), ends_process };
    if !ends_process && WATCHES.try_with(Cell::get).is_ok_and(|watches| watches > 0) {
        let _ = UNTOLD.try_with(|untold| untold.replace(Some(telling)));
    } else {
        telling.tell();
    }
}

/// A record about to be made.
struct Telling {
    note: Arc<PanicNote>,
    cores: Vec<Arc<Core>>,
    place: Option<Place>,
    ends_process: bool,
}

impl Telling {
    fn tell(self) {
        let flush_timeout = self.cores.iter().map(|core| core.flush_timeout).max().unwrap_or_default();
        let timeout = TELLING_TIMEOUT + if self.ends_process { flush_timeout } else { Duration::ZERO };
        let telling = Arc::new(self);
        let told = Arc::clone(&telling);
        let (sender, done) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("log-center-panic".to_owned()).spawn(move || {
            told.tell_here();
            // Whoever waits finds no layer held here any more.
            drop(told);
            drop(sender);
        });
        if thread.is_ok() {
            // Nothing is ever sent: the thread ends, by a panic too, or the time does.
            let _ = done.recv_timeout(timeout);
        } else {
            // No thread to be had may be what the panic is about.
            telling.tell_here();
        }
    }

    fn tell_here(&self) {
        let node = self.place.as_ref().and_then(Place::node);
        let (metadata, level) =
            if self.ends_process { (&PANIC_ENDS, Level::Fatal) } else { (&PANICKED, Level::Error) };
        for core in &self.cores {
            core.tell_panic(&self.note, metadata, level, node.as_deref());
        }
        if self.ends_process {
            let now = Instant::now();
            for core in &self.cores {
                core.flush(now + core.flush_timeout);
            }
        }
    }
}

/// The span that a thread is in.
struct Place {
    dispatch: Dispatch,
    id: span::Id,
}

impl Place {
    fn current() -> Option<Self> {
        dispatcher::get_default(|dispatch| {
            let id = dispatch.downcast_ref::<Registry>()?.current_span().into_inner()?.0;
            Some(Place { dispatch: dispatch.clone(), id })
        })
    }

    fn node(&self) -> Option<Arc<SpanNode>> {
        let span = self.dispatch.downcast_ref::<Registry>()?.span(&self.id)?;
        span.extensions().get::<Arc<SpanNode>>().map(Arc::clone)
    }
}

/// Tells that a panic unwinds past the layer's guard, and so out of the program. The core is the one that was built.
pub(crate) fn tell_end(core: &Arc<Core>) {
    let core_is = |hooked: &Weak<Core>| std::ptr::eq(hooked.as_ptr(), Arc::as_ptr(core));
    if hooked().iter().any(core_is) {
        let note = take_last().or_else(|| last_of_all().clone());
        let note = note.unwrap_or_else(|| Arc::new(PanicNote::unknown()));
        core.of_this_process().tell_panic(&note, &PANIC_ENDS, Level::Fatal, None);
    }
}

/// A panic that a watch caught.
#[cfg(feature = "tower")]
pub(crate) struct Caught {
    pub(crate) payload: Box<dyn Any + Send>,
    /// None if nobody asked for the panics of the process.
    pub(crate) note: Option<Arc<PanicNote>>,
}

/// Runs a step whose panic the caller will tell of, and pass on.
#[cfg(feature = "tower")]
pub(crate) fn watch<T>(step: impl FnOnce() -> T) -> Result<T, Caught> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let outer = WATCHES.try_with(|watches| watches.replace(watches.get() + 1)).unwrap_or(0);
    // Unwind safe: nothing that was behind the step is used again, the panic goes on at once.
    let result = catch_unwind(AssertUnwindSafe(step));
    let _ = WATCHES.try_with(|watches| watches.set(outer));
    let untold = UNTOLD.try_with(RefCell::take).ok().flatten();
    match result {
        Ok(value) => {
            // The step caught it itself.
            if let Some(untold) = untold {
                untold.tell();
            }
            Ok(value)
        }
        Err(payload) => {
            // On its way through several watches it is the same panic.
            let note = untold.map(|untold| untold.note).or_else(last);
            let note = note.filter(|note| note.message == words(&*payload));
            Err(Caught { payload, note })
        }
    }
}
