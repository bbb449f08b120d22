//! One group of submissions on its way to the disk: what each of them adds, decided one after the other.

use super::committer::Waiting;
use super::counters::Counters;
use super::database::{META_APPENDED, META_SEEDED, META_SEQUENCE, META_SINCE, Tables, disk, followed_key};
use super::entry::{EntryBuilder, Transition};
use super::index::{Answered, Index, IssueKey, Known};
use super::lane::Lane;
use super::{Answer, Changed, KnownIssue, Receipt, SpoolError, Submission};
use crate::clock::now;
use crate::event::{Block, Identity, Occurrence, RequestKey};
use crate::number::{Numbers, ServerId};
use fjall::{OwnedWriteBatch as WriteBatch, PersistMode};
use log_center_wire::{IssueId, IssueStatus, REGRESSION_ACTOR};

/// One group, drawn up in memory. Dropping it changes nothing.
pub(super) struct Draft<'a> {
    tables: &'a Tables,
    numbers: &'a Numbers,
    index: Index<'a>,
    batch: WriteBatch,
    /// What goes into the main lane, and what goes into the late one.
    entry: EntryBuilder,
    late: EntryBuilder,
    counters: Counters,
    /// Events in both.
    entry_events: u64,
    /// Nothing waits before it.
    is_first: bool,
    now_ms: i64,
    /// The day of `now_ms`.
    today: i32,
    is_seeded: bool,
    /// The last number that it gave to a change of an issue.
    last_sequence: Option<u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(tables: &'a Tables, numbers: &'a Numbers, counters: Counters, is_first: bool) -> Self {
        let now = now();
        Self {
            tables,
            numbers,
            index: Index::new(tables),
            batch: tables.database.batch().durability(Some(PersistMode::SyncData)),
            entry: EntryBuilder::default(),
            late: EntryBuilder::default(),
            counters,
            entry_events: 0,
            is_first,
            now_ms: now.0,
            today: now.day(),
            is_seeded: false,
            last_sequence: None,
        }
    }

    /// Takes one submission in. One that is refused, for its own sake or because the disk cannot be read, is answered
    /// at once.
    pub(super) fn take(&mut self, submission: Submission) -> Result<Option<Waiting>, fjall::Error> {
        match submission {
            Submission::Events { source, blocks, keys, answer, .. } => {
                let receipt = self.events(&blocks, &keys);
                let taken = settle(answer, receipt)?;
                Ok(taken.map(|(answer, receipt)| Waiting::Events(answer, source, receipt)))
            }
            Submission::Status { issue_id, to, actor, note, answer } => {
                let changed = self.status(issue_id, to, &actor, &note);
                Ok(settle(answer, changed)?.map(|(answer, changed)| Waiting::Status(answer, changed)))
            }
            Submission::Learn { issues, marks, is_anew, is_last, answer } => {
                let learned = self.learn(issues, &marks, is_anew, is_last).map(Ok);
                Ok(settle(answer, learned)?.map(|(answer, ())| Waiting::Learned(answer)))
            }
        }
    }

    fn events(
        &mut self,
        blocks: &[Block],
        keys: &[RequestKey],
    ) -> Result<Result<Receipt, SpoolError>, fjall::Error> {
        match self.answered(keys)? {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(Some(is_new)) => {
                let events = blocks.iter().map(|block| block.rows as usize).sum();
                return Ok(Ok(Receipt { is_new, is_repeated: true, added: 0, duplicates: events }));
            }
            Ok(None) => {}
        }
        let mut is_new = false;
        let (mut added, mut duplicates) = (0, 0);
        for (position, block) in blocks.iter().enumerate() {
            if let Some(occurrence) = &block.occurrence {
                let own = occurrence.identity;
                if self.is_known(own)? {
                    duplicates += 1;
                    continue;
                }
                let made = self.occurrence(occurrence)?;
                is_new |= made && position == 0;
                let answered = Answered { is_new: made, request: None };
                own.into_iter().for_each(|own| self.index.remember(own, answered, self.now_ms));
            }
            match Lane::of(block.day, self.today) {
                Lane::Main => self.entry.events(block),
                Lane::Late => self.late.events(block),
            }
            added += block.rows as usize;
        }
        for key in keys {
            let answered = Answered { is_new, request: Some((key.field, key.content)) };
            self.index.remember(key.identity, answered, self.now_ms);
        }
        self.entry_events += added as u64;
        Ok(Ok(Receipt { is_new, is_repeated: false, added, duplicates }))
    }

    /// What was answered to the request that one of these keys names. A key that stands for another one is refused.
    fn answered(&mut self, keys: &[RequestKey]) -> Result<Result<Option<bool>, SpoolError>, fjall::Error> {
        let mut first = None;
        for key in keys {
            let Some(answered) = self.index.answered(key.identity, self.now_ms)? else { continue };
            if answered.is_of_other_content(key) {
                return Ok(Err(SpoolError::KeyReused(key.field)));
            }
            first.get_or_insert(answered.is_new);
        }
        Ok(Ok(first))
    }

    fn is_known(&mut self, own: Option<Identity>) -> Result<bool, fjall::Error> {
        Ok(match own {
            Some(own) => self.index.answered(own, self.now_ms)?.is_some(),
            None => false,
        })
    }

    /// Makes the issue that an event is an occurrence of, or reopens it. True if it is made.
    fn occurrence(&mut self, occurrence: &Occurrence) -> Result<bool, fjall::Error> {
        let issue = IssueKey::new(&occurrence.project, occurrence.fingerprint);
        let Some(known) = self.index.issue(&issue)? else {
            self.make(&issue, occurrence.received_at_ms);
            return Ok(true);
        };
        if known.status.reopens() {
            let (from, at_ms) = (known.status, occurrence.received_at_ms);
            self.transition(&issue, from, IssueStatus::New, at_ms, REGRESSION_ACTOR, "");
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
        let Some((issue, known)) = self.index.issue_by_id(id)? else {
            return Ok(Err(SpoolError::UnknownIssue(id)));
        };
        let from = known.status;
        if !from.allowed().contains(&to) {
            return Ok(Err(SpoolError::NotAllowed { from, to }));
        }
        self.transition(&issue, from, to, self.now_ms, actor, note);
        Ok(Ok(Changed { from, to, position: self.counters.next_entry + 1 }))
    }

    /// Tells other servers that there is this issue.
    fn make(&mut self, issue: &IssueKey, at_ms: i64) {
        let to = IssueStatus::New;
        self.entry.transition(&Transition { sequence: 0, issue, from: None, to, at_ms, actor: "", note: "" });
        self.index.set_issue(&mut self.batch, issue, Known::NEW);
    }

    fn transition(
        &mut self,
        issue: &IssueKey,
        from: IssueStatus,
        to: IssueStatus,
        at_ms: i64,
        actor: &str,
        note: &str,
    ) {
        // The clock is behind 1970 nowhere.
        let sequence = self.numbers.take(self.now_ms.unsigned_abs(), 1);
        self.entry.transition(&Transition { sequence, issue, from: Some(from), to, at_ms, actor, note });
        self.index.set_issue(&mut self.batch, issue, Known { status: to, sequence });
        self.last_sequence = Some(sequence);
    }

    /// Takes over what ClickHouse knows of issues, where that is newer than what the index has.
    fn learn(
        &mut self,
        issues: Vec<KnownIssue>,
        marks: &[(ServerId, u64)],
        is_anew: bool,
        is_last: bool,
    ) -> Result<(), fjall::Error> {
        if is_anew {
            self.tables.issues.clear()?;
            self.index.forget_issues();
            self.batch.remove(&self.tables.meta, META_SEEDED);
            for (server, _) in self.tables.followed()? {
                self.batch.remove(&self.tables.meta, followed_key(server));
            }
        }
        for KnownIssue { fingerprint, project, status, sequence } in issues {
            self.numbers.see(sequence);
            let issue = IssueKey::new(&project, fingerprint);
            if self.index.issue(&issue)?.is_none_or(|known| known.sequence < sequence) {
                self.index.set_issue(&mut self.batch, &issue, Known { status, sequence });
            }
        }
        for (server, batch) in marks {
            let key = followed_key(*server);
            // Two looks may end in another order than they began.
            if self.tables.meta_u64(&key)?.is_none_or(|known| known < *batch) {
                self.batch.insert(&self.tables.meta, key, batch.to_be_bytes());
            }
        }
        if is_last {
            self.batch.insert(&self.tables.meta, META_SEEDED, [1]);
            self.is_seeded = true;
        }
        Ok(())
    }

    /// Whether it says that the issue index is complete.
    pub(super) fn is_seeded(&self) -> bool {
        self.is_seeded
    }

    /// Writes everything, durably and as a whole.
    pub(super) fn write(mut self) -> Result<Counters, fjall::Error> {
        let mut counters = self.counters;
        counters.keys = self.index.write_keys(&mut self.batch, counters.keys, self.now_ms)?;
        if let Some(sequence) = self.last_sequence {
            self.batch.insert(&self.tables.meta, META_SEQUENCE, sequence.to_be_bytes());
        }
        // The main lane first: a change of state knows the position of its entry.
        for (lane, entry) in [(Lane::Main, self.entry), (Lane::Late, self.late)] {
            if entry.is_empty() {
                continue;
            }
            let appended_bytes = &mut counters.appended_bytes[lane as usize];
            let value = entry.finish(*appended_bytes);
            *appended_bytes += value.len() as u64;
            self.batch.insert(self.tables.lane(lane), counters.next_entry.to_be_bytes(), value);
            counters.next_entry += 1;
        }
        if counters.next_entry > self.counters.next_entry {
            counters.appended_events += self.entry_events;
            self.batch.insert(&self.tables.meta, META_APPENDED, counters.appended_events.to_be_bytes());
            if self.is_first {
                self.batch.insert(&self.tables.meta, META_SINCE, self.now_ms.to_be_bytes());
            }
        }
        self.batch.commit()?;
        Ok(counters)
    }
}

/// Who waits for an outcome, unless there is nothing to wait for.
fn settle<T>(
    answer: Answer<T>,
    outcome: Result<Result<T, SpoolError>, fjall::Error>,
) -> Result<Option<(Answer<T>, T)>, fjall::Error> {
    match outcome {
        Ok(Ok(value)) => Ok(Some((answer, value))),
        Ok(Err(refusal)) => {
            _ = answer.send(Err(refusal));
            Ok(None)
        }
        Err(error) => {
            _ = answer.send(Err(disk(&error)));
            Err(error)
        }
    }
}
