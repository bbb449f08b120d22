//! The life of the process, from the record that it has started to what happens when it ends.
//!
//! 1. [`Builder::init`](crate::Builder::init) writes the record `service started` and takes its place in front of
//!    the panic hook. `build` does neither unless told to: a program may build more than one layer, and its tests do.
//! 2. One thread, [`ticker`], does what is due by the clock: it flushes batched lines and takes the [`stat`]
//!    samples. It sleeps when there is nothing to do, and is not there at all if there never will be.
//! 3. A panic becomes a record ([`panic`]): an ERROR, or a FATAL if the process ends by it.
//! 4. Dropping the guard flushes and stops everything. What the program skips of that by calling `exit`, the thread
//!    that does so makes up for ([`end`]).
//!
//! 5. A forked child gets all of it anew ([`fork`]).
//!
//! Nothing here is ever done on a caller's path, but for one look at a thread-local for each batched line.

mod end;
mod fork;
pub(crate) mod panic;
mod settings;
mod start;
mod stat;
mod ticker;

pub(crate) use end::flushes_at_end;
pub(crate) use fork::lock_in;
pub(crate) use panic::PanicNote;
pub(crate) use settings::Settings;
pub(crate) use ticker::Alarm;

use crate::error::Error;
use crate::layer::Core;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tracing_core::callsite::DefaultCallsite;
use tracing_core::field::FieldSet;
use tracing_core::metadata::Kind;
use tracing_core::{Level, Metadata, identify_callsite};

/// Target of the records that the layer writes by itself.
pub(crate) const TARGET: &str = "log_center::process";

/// What stands for the callsite of a record that no macro wrote: writers may choose by level and target.
macro_rules! site {
    ($name:ident, $level:ident, $message:literal) => {
        #[doc = $message]
        static $name: Metadata<'static> = {
            static CALLSITE: DefaultCallsite = DefaultCallsite::new(&$name);
            Metadata::new(
                $message,
                TARGET,
                Level::$level,
                None,
                None,
                None,
                FieldSet::new(&[], identify_callsite!(&CALLSITE)),
                Kind::EVENT,
            )
        };
    };
}

site!(STARTED, INFO, "service started");
site!(SAMPLE, INFO, "process sample");
site!(PANICKED, ERROR, "panic");
site!(PANIC_ENDS, ERROR, "panic ends the process");

/// How long to wait for a thread to begin its work.
const THREAD_START_TIMEOUT: Duration = Duration::from_millis(100);

/// Starts a thread, and lets it begin.
///
/// A thread that is about to begin holds a lock of the standard library for a moment. Should the program fork in that
/// very moment, no thread could ever begin in the child; and programs do fork soon after they have set up logging.
pub(crate) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (begins, begun) = mpsc::channel::<()>();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        drop(begins);
        work();
    })?;
    // Nothing is ever sent: the other end is dropped, or the time is up.
    let _ = begun.recv_timeout(THREAD_START_TIMEOUT);
    Ok(())
}

/// Starts what runs beside the program: the ticker, if it is needed, and the flush at a sudden end.
pub(crate) fn attend(core: &Arc<Core>) -> Result<(), Error> {
    end::attend(core, core.settings.batches);
    ticker::start(core, &core.settings)
        .map_err(|error| Error::new(format!("the ticker's thread does not start: {error}")))
}

/// Does what belongs to the start of the program, once its subscriber stands.
pub(crate) fn begin(core: &Arc<Core>) {
    if core.settings.hooks_panics() {
        panic::hook(core);
    }
    if core.settings.tells_start() {
        start::tell(core);
    }
}
