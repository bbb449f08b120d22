//! The spool's thread: takes all that wait, decides, writes once, answers.

use super::database::{META_POSITION, META_SEEDED, META_SEQUENCE, Shared, Tables, disk, u64_of};
use super::entry::{Entry, EntryBuilder, Row, Transition};
use super::index::{Index, KeyRange, Known};
use super::{Answer, Changed, KnownIssue, Receipt, SpoolError, Submission, limits};
use crate::clock::{now, unix_micros};
use crate::ingest::Identity;
use fjall::{OwnedWriteBatch as WriteBatch, PersistMode};
use log_center_wire::{IssueId, IssueStatus, REGRESSION_ACTOR};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

pub(super) struct Committer {
    shared: Arc<Shared>,
    receiver: mpsc::Receiver<Submission>,
    counters: Counters,
}

/// Where the next things go.
#[derive(Debug, Clone, Copy)]
struct Counters {
    /// The next entry.
    next_entry: u64,
    /// Bytes ever appended.
    appended_bytes: u64,
    /// The next transition.
    next_sequence: u64,
    keys: KeyRange,
}

impl Counters {
    fn read(shared: &Shared, tables: &Tables) -> Result<Self, SpoolError> {
        let position = match tables.meta_u64(META_POSITION).map_err(disk)? {
            Some(position) => position,
            None => {
                // A new spool begins where no earlier one of this machine can have been: if its directory was lost,
                // what ClickHouse has of it must not be taken for ours.
                let position = unix_micros();
                tables.meta.insert(META_POSITION, position.to_be_bytes()).map_err(disk)?;
                position
            }
        };
        let mut next_entry = position;
        let (mut appended_bytes, mut waiting_bytes) = (0, 0);
        if let Some(guard) = tables.entries.last_key_value() {
            let (key, value) = guard.into_inner().map_err(disk)?;
            next_entry = u64_of(&key).unwrap_or(position).max(position) + 1;
            appended_bytes = Entry::parse(&value)?.start + value.len() as u64;
            if let Some(guard) = tables.entries.range(position.to_be_bytes()..).next() {
                let (_, first) = guard.into_inner().map_err(disk)?;
                waiting_bytes = appended_bytes - Entry::parse(&first)?.start;
            }
        }
        let next_sequence = tables.meta_u64(META_SEQUENCE).map_err(disk)?.unwrap_or_else(unix_micros);
        shared.waiting_bytes.store(waiting_bytes, Ordering::Relaxed);
        shared.end.send_replace(next_entry);
        Ok(Self { next_entry, appended_bytes, next_sequence, keys: KeyRange::read(tables).map_err(disk)? })
    }
}

/// Somebody who waits, and what to say if the write succeeds.
enum Waiting {
    Events(Answer<Receipt>, Receipt),
    Status(Answer<Changed>, Changed),
    Seed(Answer<()>),
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, receiver: mpsc::Receiver<Submission>) -> Result<Self, SpoolError> {
        let counters = Counters::read(&shared, &*shared.tables()?)?;
        Ok(Self { shared, receiver, counters })
    }

    pub(super) fn run(mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            let group = self.gather(first);
            self.commit(group);
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
                Ok(submission) => {
                    bytes += submission.bytes();
                    group.push(submission);
                }
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
        let mut draft = Draft::new(&tables, self.counters);
        let mut waiting = Vec::with_capacity(group.len());
        for submission in group {
            match draft.take(submission) {
                Ok(Some(one)) => waiting.push(one),
                Ok(None) => {}
                Err((refused, error)) => {
                    refused.refuse(disk_failed(&error));
                    return self.fail(waiting, &error);
                }
            }
        }
        let seeded = draft.is_seeded;
        match draft.write() {
            Ok(counters) => {
                let added = counters.appended_bytes - self.counters.appended_bytes;
                self.counters = counters;
                self.shared.waiting_bytes.fetch_add(added, Ordering::Relaxed);
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
        self.shared.check_room()?;
        if self.shared.is_full() {
            return Err(SpoolError::Full);
        }
        self.shared.tables()
    }

    /// Tries once to open a store that was closed by a failure, and refuses whoever comes until the next attempt.
    fn reopen(&mut self) {
        let counters = match self.shared.reopen() {
            true => self.shared.tables().and_then(|tables| Counters::read(&self.shared, &tables)),
            false => Err(SpoolError::Disk(self.shared.failure().unwrap_or_default())),
        };
        match counters {
            Ok(counters) => self.counters = counters,
            Err(error) => {
                self.shared.close(&error);
                for _ in 0..limits::REOPEN_ATTEMPT_STEPS {
                    while let Ok(submission) = self.receiver.try_recv() {
                        submission.refuse(error.clone());
                    }
                    std::thread::sleep(Duration::from_millis(limits::REOPEN_STEP_MS));
                }
            }
        }
    }

    fn fail(&self, waiting: Vec<Waiting>, error: &fjall::Error) {
        self.shared.fail(error);
        waiting.into_iter().for_each(|one| one.refuse(disk_failed(error)));
    }
}

fn disk_failed(error: &fjall::Error) -> SpoolError {
    SpoolError::Disk(error.to_string())
}

/// One group on its way to the disk.
struct Draft<'a> {
    tables: &'a Tables,
    index: Index<'a>,
    batch: WriteBatch,
    entry: EntryBuilder,
    counters: Counters,
    now_ms: i64,
    is_seeded: bool,
    has_transitions: bool,
}

impl<'a> Draft<'a> {
    fn new(tables: &'a Tables, counters: Counters) -> Self {
        Self {
            tables,
            index: Index::new(tables),
            batch: tables.database.batch().durability(Some(PersistMode::SyncData)),
            entry: EntryBuilder::default(),
            counters,
            now_ms: now().0,
            is_seeded: false,
            has_transitions: false,
        }
    }

    /// Takes one submission in. One that is refused for its own sake is answered at once.
    fn take(&mut self, submission: Submission) -> Result<Option<Waiting>, (Submission, fjall::Error)> {
        match submission {
            Submission::Events { rows, keys, bytes, answer } => match self.events(&rows, &keys) {
                Ok(receipt) => Ok(Some(Waiting::Events(answer, receipt))),
                Err(error) => Err((Submission::Events { rows, keys, bytes, answer }, error)),
            },
            Submission::Status { issue_id, to, actor, note, answer } => {
                match self.status(issue_id, to, &actor, &note) {
                    Ok(Ok(changed)) => Ok(Some(Waiting::Status(answer, changed))),
                    Ok(Err(refusal)) => {
                        _ = answer.send(Err(refusal));
                        Ok(None)
                    }
                    Err(error) => Err((Submission::Status { issue_id, to, actor, note, answer }, error)),
                }
            }
            Submission::Seed { issues, is_last, answer } => match self.seed(&issues, is_last) {
                Ok(()) => Ok(Some(Waiting::Seed(answer))),
                Err(error) => Err((Submission::Seed { issues, is_last, answer }, error)),
            },
        }
    }

    fn events(&mut self, rows: &[Row], keys: &[Identity]) -> Result<Receipt, fjall::Error> {
        if let Some(is_new) = self.index.answered(keys, self.now_ms)? {
            let position = self.counters.next_entry + 1;
            return Ok(Receipt { is_new, is_repeated: true, duplicates: rows.len(), position });
        }
        let mut is_new = false;
        let mut duplicates = 0;
        for (position, row) in rows.iter().enumerate() {
            let own: &[Identity] = row.identity.as_slice();
            if self.index.answered(own, self.now_ms)?.is_some() {
                duplicates += 1;
                continue;
            }
            let made = self.occurrence(row)?;
            is_new |= made && position == 0;
            self.entry.event(row);
            own.iter().for_each(|key| self.index.remember(*key, made, self.now_ms));
        }
        keys.iter().for_each(|key| self.index.remember(*key, is_new, self.now_ms));
        Ok(Receipt { is_new, is_repeated: false, duplicates, position: self.counters.next_entry + 1 })
    }

    /// Makes the issue that a row is an occurrence of, or reopens it. True if it is made.
    fn occurrence(&mut self, row: &Row) -> Result<bool, fjall::Error> {
        let Some(fingerprint) = row.fingerprint else { return Ok(false) };
        let known = match self.index.issue(fingerprint)? {
            None => {
                let known = Known { status: IssueStatus::New, project: row.project.clone() };
                self.index.set_issue(&mut self.batch, fingerprint, known);
                return Ok(true);
            }
            Some(known) => known,
        };
        if known.status.reopens() {
            self.transition(&Transition {
                sequence: 0,
                fingerprint,
                project: &known.project,
                from: known.status,
                to: IssueStatus::New,
                at_ms: row.received_at_ms,
                actor: REGRESSION_ACTOR,
                note: "",
            });
            let status = IssueStatus::New;
            self.index.set_issue(&mut self.batch, fingerprint, Known { status, ..known });
        }
        Ok(false)
    }

    fn status(
        &mut self,
        id: IssueId,
        to: IssueStatus,
        actor: &str,
        note: &str,
    ) -> Result<Result<Changed, SpoolError>, fjall::Error> {
        let Some((fingerprint, known)) = self.index.issue_by_id(id)? else {
            return Ok(Err(SpoolError::UnknownIssue(id)));
        };
        let from = known.status;
        if !from.allowed().contains(&to) {
            return Ok(Err(SpoolError::NotAllowed { from, to }));
        }
        let (at_ms, project) = (self.now_ms, known.project.clone());
        self.transition(&Transition {
            sequence: 0,
            fingerprint,
            project: &project,
            from,
            to,
            at_ms,
            actor,
            note,
        });
        self.index.set_issue(&mut self.batch, fingerprint, Known { status: to, project });
        Ok(Ok(Changed { from, to, position: self.counters.next_entry + 1 }))
    }

    fn transition(&mut self, transition: &Transition<'_>) {
        self.entry.transition(&Transition { sequence: self.counters.next_sequence, ..*transition });
        self.counters.next_sequence += 1;
        self.has_transitions = true;
    }

    fn seed(&mut self, issues: &[KnownIssue], is_last: bool) -> Result<(), fjall::Error> {
        for issue in issues {
            if self.index.issue(issue.fingerprint)?.is_none() {
                let known = Known { status: issue.status, project: issue.project.as_str().into() };
                self.index.set_issue(&mut self.batch, issue.fingerprint, known);
            }
        }
        if is_last {
            self.batch.insert(&self.tables.meta, META_SEEDED, [1]);
            self.is_seeded = true;
        }
        Ok(())
    }

    /// Writes everything, durably and as a whole.
    fn write(mut self) -> Result<Counters, fjall::Error> {
        let mut counters = self.counters;
        counters.keys = self.index.write_keys(&mut self.batch, counters.keys, self.now_ms)?;
        if self.has_transitions {
            self.batch.insert(&self.tables.meta, META_SEQUENCE, counters.next_sequence.to_be_bytes());
        }
        if !self.entry.is_empty() {
            let value = self.entry.finish(counters.appended_bytes);
            counters.appended_bytes += value.len() as u64;
            self.batch.insert(&self.tables.entries, counters.next_entry.to_be_bytes(), value);
            counters.next_entry += 1;
        }
        self.batch.commit()?;
        Ok(counters)
    }
}

impl Submission {
    fn bytes(&self) -> usize {
        match self {
            Submission::Events { bytes, .. } => *bytes,
            Submission::Status { .. } | Submission::Seed { .. } => 0,
        }
    }

    /// Whoever no longer waits for the answer does not miss it.
    fn refuse(self, error: SpoolError) {
        match self {
            Submission::Events { answer, .. } => _ = answer.send(Err(error)),
            Submission::Status { answer, .. } => _ = answer.send(Err(error)),
            Submission::Seed { answer, .. } => _ = answer.send(Err(error)),
        }
    }
}

impl Waiting {
    fn answer(self) {
        match self {
            Waiting::Events(answer, receipt) => _ = answer.send(Ok(receipt)),
            Waiting::Status(answer, changed) => _ = answer.send(Ok(changed)),
            Waiting::Seed(answer) => _ = answer.send(Ok(())),
        }
    }

    fn refuse(self, error: SpoolError) {
        match self {
            Waiting::Events(answer, _) => _ = answer.send(Err(error)),
            Waiting::Status(answer, _) => _ = answer.send(Err(error)),
            Waiting::Seed(answer) => _ = answer.send(Err(error)),
        }
    }
}
