//! Who may end the process: signals, and the death of its parent.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::Error;

/// Whether the engine was asked to end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: AtomicBool,
    notify: Notify,
}

impl Stop {
    pub(crate) fn ask(&self, reason: &str) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            tracing::info!(reason, "asked to stop");
        }
        self.notify.notify_one();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Ends when a stop was asked for; for one waiter.
    pub(crate) async fn asked(&self) {
        while !self.is_asked() {
            self.notify.notified().await;
        }
    }

    /// Asks for a stop when `input` ends, which was standard input. Needs a thread of its own, which does nothing else.
    ///
    /// A socket, which is what the server gives, can neither be opened again by its name in `/proc` nor be waited for by a statement
    /// that reads from its number.
    pub(crate) fn watch_parent(self: &Arc<Self>, mut input: File) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::with("cannot watch standard input", error);
        if input.metadata().map_err(failed)?.file_type().is_socket() {
            rustix::io::ioctl_fionbio(&input, true).map_err(|error| failed(error.into()))?;
        }
        let stop = self.clone();
        let watch = move || {
            while !has_ended(&mut input) {}
            stop.ask("standard input ended: the parent process stops, or is gone");
        };
        std::thread::Builder::new()
            .name("parent".to_owned())
            .spawn(watch)
            .map(drop)
            .map_err(|error| Error::with("cannot start a thread", error))
    }

    /// Asks for a stop on SIGTERM, SIGINT and SIGHUP. Needs a runtime.
    pub(crate) fn watch_signals(self: &Arc<Self>) -> Result<(), Error> {
        for (kind, name) in [
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::interrupt(), "SIGINT"),
            (SignalKind::hangup(), "SIGHUP"),
        ] {
            let mut signals =
                signal(kind).map_err(|error| Error::with(format!("cannot listen for {name}"), error))?;
            let stop = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    stop.ask(name);
                }
            });
        }
        Ok(())
    }
}

/// Waits until something comes, and reads it. Whether that was the end.
fn has_ended(input: &mut File) -> bool {
    let mut ignored = [0; 64];
    match input.read(&mut ignored) {
        Ok(length) => length == 0,
        Err(error) if error.kind() == ErrorKind::Interrupted => false,
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            // An error shows again at the next read.
            _ = poll(&mut [PollFd::new(input, PollFlags::IN)], None);
            false
        }
        Err(_) => true,
    }
}

/// Puts `/dev/null` in the place of standard input and returns what was there. ClickHouse's SQL can read from standard
/// input; a read from the pipe of the parent would never end.
pub(crate) fn take_standard_input() -> Result<File, Error> {
    let failed = |error: rustix::io::Errno| Error::with("cannot close standard input", error);
    // Above the standard streams, and closed in whatever this process might start.
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).map_err(failed)?;
    let nothing = File::open("/dev/null").map_err(|error| Error::with("cannot open /dev/null", error))?;
    rustix::stdio::dup2_stdin(&nothing).map_err(failed)?;
    Ok(File::from(input))
}
