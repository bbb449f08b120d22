//! A writer that gives each thread the lines of its own events.

use std::cell::RefCell;
use std::io;

thread_local! {
    static WRITTEN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is written, one entry a `write`.
pub(super) struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.push(bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What this thread wrote since it was last asked.
pub(super) fn take() -> Vec<Vec<u8>> {
    WRITTEN.take()
}
