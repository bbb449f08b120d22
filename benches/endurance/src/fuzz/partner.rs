//! A second thread for each fuzzing one: what it is given runs there, and its lines come back.

use super::lines;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after the other.
pub(super) struct Partner {
    jobs: Sender<Job>,
    written: Receiver<Vec<Vec<u8>>>,
}

impl Partner {
    /// Starts it; it ends when this is dropped.
    pub(super) fn start() -> Self {
        let (jobs, received) = channel::<Job>();
        let (answers, written) = channel();
        thread::spawn(move || {
            for job in received {
                job();
                if answers.send(lines::take()).is_err() {
                    break;
                }
            }
        });
        Self { jobs, written }
    }

    /// Runs a job there and waits for its lines.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> Vec<Vec<u8>> {
        self.begin(job);
        self.end()
    }

    /// Begins a job there. [`end`](Self::end) has to follow.
    #[expect(
        clippy::expect_used,
        reason = "a thread that is gone has panicked, which is a finding of its own"
    )]
    pub(super) fn begin(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).expect("the partner's thread has panicked");
    }

    /// Waits for the end of the job and gives its lines.
    #[expect(
        clippy::expect_used,
        reason = "a thread that is gone has panicked, which is a finding of its own"
    )]
    pub(super) fn end(&self) -> Vec<Vec<u8>> {
        self.written.recv().expect("the partner's thread has panicked")
    }
}
