//! Standard output, which may be a pipe whose reader has seen enough.

use super::Ending;
use std::io::{self, ErrorKind};

/// A reader that went away (`| head`) is the end of the command, and no failure.
///
/// # Errors
/// Every other failure, as it was.
pub fn forgive_closed(outcome: anyhow::Result<Ending>) -> anyhow::Result<Ending> {
    match outcome {
        Err(error) if is_closed(&error) => Ok(Ending::Done),
        outcome => outcome,
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    // What the network says is wrapped in errors of the client, so only a bare one is of standard output.
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
