//! The spool's thread: takes all that wait, decides, writes once, answers.

use super::counters::Counters;
use super::database::{Shared, Tables, disk};
use super::draft::Draft;
use super::{Answer, Changed, Message, Receipt, SpoolError, Submission, limits};
use crate::clock;
use crate::event::Source;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

pub(super) struct Committer {
    shared: Arc<Shared>,
    receiver: mpsc::Receiver<Message>,
    counters: Counters,
}

/// Somebody who waits, and what to say if the write succeeds.
pub(super) enum Waiting {
    Events(Answer<Receipt>, Source, Receipt),
    Status(Answer<Changed>, Changed),
    Learned(Answer<()>),
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, receiver: mpsc::Receiver<Message>) -> Result<Self, SpoolError> {
        let counters = Counters::read(&shared, &*shared.tables()?)?;
        Ok(Self { shared, receiver, counters })
    }

    pub(super) fn run(mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            if let Message::Submission(first) = first {
                let group = self.gather(first);
                self.commit(group);
            }
            while self.shared.tables().is_err() {
                self.reopen();
            }
        }
    }

    /// Everything that waits already, up to the limits of one write.
    fn gather(&mut self, first: Submission) -> Vec<Submission> {
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while group.len() < limits::GROUP_SUBMISSIONS && bytes < limits::GROUP_BYTES {
            match self.receiver.try_recv() {
                Ok(Message::Submission(submission)) => {
                    bytes += submission.bytes();
                    group.push(submission);
                }
                // Looked at after each write anyway.
                Ok(Message::Closed) => {}
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        group
    }

    fn commit(&mut self, group: Vec<Submission>) {
        let tables = match self.admit() {
            Ok(tables) => tables,
            Err(error) => return group.into_iter().for_each(|submission| submission.refuse(error.clone())),
        };
        let at = clock::now();
        let is_first = self.shared.account.waiting() == 0;
        let mut draft = Draft::new(&tables, &self.shared.numbers, self.counters, is_first);
        let mut waiting = Vec::with_capacity(group.len());
        let mut group = group.into_iter();
        while let Some(submission) = group.next() {
            match draft.take(submission) {
                Ok(Some(one)) => waiting.push(one),
                Ok(None) => {}
                Err(error) => {
                    group.for_each(|submission| submission.refuse(disk(&error)));
                    return self.fail(waiting, &error);
                }
            }
        }
        let seeded = draft.is_seeded();
        match draft.write() {
            Ok(counters) => {
                let bytes = self.counters.appended_bytes;
                let entry = self.counters.next_entry;
                self.counters = counters;
                // Before anybody is answered: what is answered shall be missed if it gets lost.
                self.shared.mark.note(counters.next_entry, counters.appended_events);
                // Here and not where it is answered: who asked may be gone by now.
                self.shared.account.came(entry, counters.appended_events, at, &accepted(&waiting));
                for ((waiting, before), after) in
                    self.shared.waiting_bytes.iter().zip(bytes).zip(counters.appended_bytes)
                {
                    waiting.fetch_add(after - before, Ordering::Relaxed);
                }
                if seeded {
                    self.shared.seeded.store(true, Ordering::Release);
                }
                self.shared.end.send_replace(counters.next_entry);
                waiting.into_iter().for_each(Waiting::answer);
            }
            Err(error) => {
                drop(tables);
                self.fail(waiting, &error);
            }
        }
    }

    /// The store, if it may take more.
    fn admit(&self) -> Result<Arc<Tables>, SpoolError> {
        self.shared.room.check()?;
        if self.shared.is_full() {
            return Err(SpoolError::Full);
        }
        self.shared.tables()
    }

    /// Tries once to open a store that was closed by a failure, and refuses whoever comes until the next attempt.
    fn reopen(&mut self) {
        let opened = self.shared.reopen();
        let counters = opened.and_then(|()| Counters::read(&self.shared, &*self.shared.tables()?));
        match counters {
            Ok(counters) => self.counters = counters,
            Err(error) => {
                self.shared.close(error.clone());
                for _ in 0..limits::REOPEN_ATTEMPT_STEPS {
                    while let Ok(message) = self.receiver.try_recv() {
                        if let Message::Submission(submission) = message {
                            submission.refuse(error.clone());
                        }
                    }
                    std::thread::sleep(Duration::from_millis(limits::REOPEN_STEP_MS));
                }
            }
        }
    }

    fn fail(&self, waiting: Vec<Waiting>, error: &fjall::Error) {
        self.shared.fail(error);
        waiting.into_iter().for_each(|one| one.refuse(disk(error)));
    }
}

/// How many events came by which way.
fn accepted(waiting: &[Waiting]) -> [(Source, u64); 2] {
    Source::ALL.map(|source| {
        let added = waiting.iter().map(|one| match one {
            Waiting::Events(_, from, receipt) if *from == source => receipt.added as u64,
            _ => 0,
        });
        (source, added.sum())
    })
}

impl Submission {
    fn bytes(&self) -> usize {
        match self {
            Submission::Events { bytes, .. } => *bytes,
            Submission::Status { .. } | Submission::Learn { .. } => 0,
        }
    }

    /// Whoever no longer waits for the answer does not miss it.
    fn refuse(self, error: SpoolError) {
        match self {
            Submission::Events { answer, .. } => _ = answer.send(Err(error)),
            Submission::Status { answer, .. } => _ = answer.send(Err(error)),
            Submission::Learn { answer, .. } => _ = answer.send(Err(error)),
        }
    }
}

impl Waiting {
    fn answer(self) {
        match self {
            Waiting::Events(answer, _, receipt) => {
                metrics::counter!("log_center_duplicates_total").increment(receipt.duplicates as u64);
                _ = answer.send(Ok(receipt));
            }
            Waiting::Status(answer, changed) => _ = answer.send(Ok(changed)),
            Waiting::Learned(answer) => _ = answer.send(Ok(())),
        }
    }

    fn refuse(self, error: SpoolError) {
        match self {
            Waiting::Events(answer, ..) => _ = answer.send(Err(error)),
            Waiting::Status(answer, _) => _ = answer.send(Err(error)),
            Waiting::Learned(answer) => _ = answer.send(Err(error)),
        }
    }
}
