//! Where lines go in the process: [standard output](crate::stdout), or whatever the program gives.

use crate::process::Alarm;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tracing_core::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Takes whole lines.
pub(crate) trait Sink: Send + Sync {
    /// Writes a line, with its line feed. It may be kept for later where the other side takes nothing now. In a
    /// forked child it may fail for that alone.
    fn write(&self, line: &[u8], metadata: &Metadata<'_>) -> io::Result<()>;

    /// Tries to write what was kept. Whether nothing is left.
    fn flush(&self) -> bool {
        true
    }

    /// Lines that were kept and then lost.
    fn lost(&self) -> u64 {
        0
    }

    /// Whether nothing is kept.
    fn is_empty(&self) -> bool {
        true
    }

    /// One for a forked child, whose lines it keeps for that alarm; None if the same one will do.
    fn reborn(&self, alarm: &Arc<Alarm>) -> Option<Arc<dyn Sink>> {
        let _ = alarm;
        None
    }

    /// From here on keeps nothing that can be written.
    fn stop_batching(&self) {}
}

/// A writer of the program's own.
pub(crate) struct Custom<W>(pub(crate) W);

impl<W> Sink for Custom<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fn write(&self, line: &[u8], metadata: &Metadata<'_>) -> io::Result<()> {
        // Unwind safe: the writer is the program's, and it is the program's to say what a panic leaves of it.
        catch_unwind(AssertUnwindSafe(|| self.0.make_writer_for(metadata).write_all(line)))
            .unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
    }
}
