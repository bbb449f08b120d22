//! Standard output: a line at a time, or several together.
//!
//! The file descriptor is written to directly. `std::io::Stdout` buffers what a full pipe did not take and says so
//! in no way that lets a line be ended properly; here an unfinished line goes out before the next one.
//!
//! ```text
//!              line by line            batched
//! a line       write                   backlog; write at an ERROR, or when the next line finds no room
//! a full pipe  backlog                 backlog
//! each 100 ms                          the ticker writes the backlog
//! ```
//!
//! A write ends where a line ends, and is no larger than what a pipe takes in one piece. So lines stay whole among
//! those of other processes on the same pipe, too.

use crate::limits::{STDOUT_BACKLOG_BYTES, STDOUT_BATCH_BYTES};
use crate::process::{self, Alarm, lock_in};
use crate::sink::Sink;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use tracing_core::{Level, Metadata};

/// The standard output of the process.
pub(crate) struct Stdout {
    pid: u32,
    state: Mutex<State>,
    lost: Arc<AtomicU64>,
    /// Whom to wake when a batch begins; none if each line is written at once.
    alarm: Option<Arc<Alarm>>,
}

struct State {
    /// None if the process was started without a standard output.
    file: Option<File>,
    /// The rest of a line, and whole ones behind it, that were not written yet.
    backlog: Vec<u8>,
    /// Whether lines wait for others although the other side would take them.
    batches: bool,
    /// Lines of the backlog that the other side will never take.
    lost: Arc<AtomicU64>,
}

impl Stdout {
    /// Writes each line at once.
    pub(crate) fn by_line() -> Self {
        Self::new(None)
    }

    /// Writes lines together. Whoever listens to the alarm flushes when it rings, a tick later.
    pub(crate) fn batched(alarm: Arc<Alarm>) -> Self {
        Self::new(Some(alarm))
    }

    fn new(alarm: Option<Arc<Alarm>>) -> Self {
        let lost = Arc::<AtomicU64>::default();
        let state = State {
            file: duplicate(),
            backlog: Vec::new(),
            batches: alarm.is_some(),
            lost: Arc::clone(&lost),
        };
        Self { pid: std::process::id(), state: Mutex::new(state), lost, alarm }
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        lock_in(self.pid, &self.state).ok_or_else(forked)
    }

    /// The same without waiting for a thread whose write the other side holds up.
    fn try_state(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// This is the parent's.
fn forked() -> io::Error {
    io::Error::other("forked")
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
    fn write(&self, line: &[u8], metadata: &Metadata<'_>) -> io::Result<()> {
        let Some(alarm) = &self.alarm else { return self.state()?.write(line) };
        // A thread on its way out will not come back to flush.
        let at_once = *metadata.level() == Level::ERROR || !process::flushes_at_end();
        let mut state = self.state()?;
        if !state.batches {
            return state.write(line);
        }
        let began = state.batch(line, at_once)?;
        drop(state);
        if began {
            alarm.ring();
        }
        Ok(())
    }

    fn flush(&self) -> bool {
        let Some(mut state) = self.try_state() else { return false };
        state.write_backlog().is_err() || state.backlog.is_empty()
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.try_state().is_some_and(|state| state.backlog.is_empty())
    }

    fn reborn(&self, alarm: &Arc<Alarm>) -> Option<Arc<dyn Sink>> {
        Some(Arc::new(if self.alarm.is_some() { Self::batched(Arc::clone(alarm)) } else { Self::by_line() }))
    }

    fn stop_batching(&self) {
        if let Some(mut state) = self.try_state() {
            state.batches = false;
        }
    }
}

impl State {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_backlog()?;
        if !self.backlog.is_empty() {
            return self.keep(line);
        }
        let (taken, end) = write_to(self.file.as_mut(), line);
        end?;
        // A line that was begun is kept whatever the limit says: half a line would spoil the next one.
        self.backlog.extend_from_slice(&line[taken..]);
        Ok(())
    }

    /// Whether a batch began that nobody will write unless told to.
    fn batch(&mut self, line: &[u8], at_once: bool) -> io::Result<bool> {
        if self.backlog.len() + line.len() > STDOUT_BATCH_BYTES {
            self.write_backlog()?;
        }
        let begins = self.backlog.is_empty();
        self.keep(line)?;
        if !at_once {
            return Ok(begins);
        }
        // What an error takes away from here on is counted with the rest of the backlog.
        let _ = self.write_backlog();
        Ok(begins && !self.backlog.is_empty())
    }

    fn keep(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.backlog.is_empty() && self.backlog.len() + line.len() > STDOUT_BACKLOG_BYTES {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.backlog.extend_from_slice(line);
        Ok(())
    }

    /// Writes as much as the other side takes. After an error nobody reads on: what was kept is of no more use.
    fn write_backlog(&mut self) -> io::Result<()> {
        if self.backlog.is_empty() {
            return Ok(());
        }
        let (taken, end) = write_to(self.file.as_mut(), &self.backlog);
        if end.is_err() {
            let left = self.backlog.drain(taken..).filter(|byte| *byte == b'\n').count();
            self.lost.fetch_add(left as u64, Ordering::Relaxed);
            self.backlog.clear();
        } else {
            self.backlog.drain(..taken);
        }
        end
    }
}

/// How much the other side took: all of it, unless it is full or gone.
fn write_to(file: Option<&mut File>, bytes: &[u8]) -> (usize, io::Result<()>) {
    let Some(file) = file else { return (0, Err(ErrorKind::BrokenPipe.into())) };
    let mut taken = 0;
    while taken < bytes.len() {
        match file.write(piece(&bytes[taken..])) {
            Ok(0) => return (taken, Err(ErrorKind::WriteZero.into())),
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

/// Of whole lines, those that go in one piece, at least one.
fn piece(lines: &[u8]) -> &[u8] {
    if lines.len() <= STDOUT_BATCH_BYTES {
        return lines;
    }
    let (most, rest) = lines.split_at(STDOUT_BATCH_BYTES);
    let is_end = |byte: &u8| *byte == b'\n';
    let end = most.iter().rposition(is_end).or_else(|| Some(most.len() + rest.iter().position(is_end)?));
    end.map_or(lines, |end| &lines[..=end])
}
