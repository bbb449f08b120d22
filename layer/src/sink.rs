//! Where lines go in the process: standard output, or whatever the program gives.

use crate::limits::STDOUT_BACKLOG_BYTES;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing_core::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Takes whole lines.
pub(crate) trait Sink: Send + Sync {
    /// Writes a line, with its line feed. It may be kept for later where the other side takes nothing now.
    fn write(&self, line: &[u8], metadata: &Metadata<'_>) -> io::Result<()>;

    /// Tries to write what was kept. Whether nothing is left.
    fn flush(&self) -> bool {
        true
    }
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

/// Standard output, one `write` a line.
///
/// The file descriptor is written to directly. `std::io::Stdout` buffers what a full pipe did not take and says
/// so in no way that lets a line be ended properly; here an unfinished line goes out before the next one.
pub(crate) struct Stdout {
    state: Mutex<State>,
}

struct State {
    /// None if the process was started without a standard output.
    file: Option<File>,
    /// The rest of a line, and whole ones behind it, that the other side did not take yet.
    backlog: Vec<u8>,
}

impl Stdout {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { file: duplicate(), backlog: Vec::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn duplicate() -> Option<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().ok().map(File::from)
}

#[cfg(windows)]
fn duplicate() -> Option<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().ok().map(File::from)
}

impl Sink for Stdout {
    fn write(&self, line: &[u8], _: &Metadata<'_>) -> io::Result<()> {
        self.state().write(line)
    }

    fn flush(&self) -> bool {
        let mut state = self.state();
        state.write_backlog().is_err() || state.backlog.is_empty()
    }
}

impl State {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_backlog()?;
        let taken = if self.backlog.is_empty() { self.write_now(line)? } else { 0 };
        let rest = &line[taken..];
        // A line that was begun is kept whatever the limit says: half a line would spoil the next one.
        if taken == 0 && self.backlog.len() + rest.len() > STDOUT_BACKLOG_BYTES {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.backlog.extend_from_slice(rest);
        Ok(())
    }

    fn write_backlog(&mut self) -> io::Result<()> {
        if self.backlog.is_empty() {
            return Ok(());
        }
        let backlog = std::mem::take(&mut self.backlog);
        // After an error nobody reads on: what was kept is of no more use.
        let taken = self.write_now(&backlog)?;
        self.backlog = backlog;
        self.backlog.drain(..taken);
        Ok(())
    }

    /// How much the other side took; all of it, unless it is full.
    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else { return Err(ErrorKind::BrokenPipe.into()) };
        let mut taken = 0;
        while taken < bytes.len() {
            match file.write(&bytes[taken..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}
