//! What is known: the issues and the idempotency keys, as one group of submissions sees and changes them.

use super::database::{Tables, u64_of};
use super::limits;
use crate::event::{Content, Identity, KeyField, RequestKey};
use fjall::OwnedWriteBatch as WriteBatch;
use log_center_wire::limits::{IDEMPOTENCY_KEYS, IDEMPOTENCY_SECONDS};
use log_center_wire::{Fingerprint, IssueId, IssueStatus};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Which issue. The index has them in the order of their ids, so that one is found by its id, too.
///
/// ```text
/// key   = id u64 big-endian, fingerprint, project
/// value = state u8, sequence u64 big-endian
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct IssueKey {
    pub(super) id: IssueId,
    pub(super) fingerprint: Fingerprint,
    pub(super) project: Box<str>,
}

/// An issue in the index.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) status: IssueStatus,
    /// The number of the change that brought it there; 0 if there was none.
    pub(super) sequence: u64,
}

impl IssueKey {
    pub(super) fn new(project: &str, fingerprint: Fingerprint) -> Self {
        Self { id: fingerprint.issue_id(project), fingerprint, project: project.into() }
    }

    fn write(&self) -> Vec<u8> {
        [&self.id.get().to_be_bytes()[..], self.fingerprint.as_bytes(), self.project.as_bytes()].concat()
    }

    fn read(key: &[u8]) -> Option<Self> {
        let (id, rest) = key.split_first_chunk::<8>()?;
        let (fingerprint, project) = rest.split_first_chunk::<16>()?;
        Some(Self {
            id: IssueId::from_number(u64::from_be_bytes(*id))?,
            fingerprint: Fingerprint::from_bytes(*fingerprint),
            project: std::str::from_utf8(project).ok()?.into(),
        })
    }
}

impl Known {
    /// One that nobody has worked on.
    pub(super) const NEW: Self = Self { status: IssueStatus::New, sequence: 0 };

    fn write(self) -> Vec<u8> {
        let mut value = vec![self.status as u8];
        value.extend_from_slice(&self.sequence.to_be_bytes());
        value
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (status, sequence) = value.split_first()?;
        Some(Self { status: IssueStatus::from_number(*status)?, sequence: u64_of(sequence)? })
    }
}

/// What is remembered of an identity.
#[derive(Clone, Copy)]
pub(super) struct Answered {
    pub(super) is_new: bool,
    /// The key and the content of the request that had it; `None` for a record, which is one of many in its request,
    /// and for what an earlier version of this program wrote.
    pub(super) request: Option<(KeyField, Content)>,
}

impl Answered {
    /// Whether this key was given to something else before. An event may come by several ways, each of which writes it
    /// in its own form, so contents are compared only if the key stood in the same place.
    pub(super) fn is_of_other_content(self, key: &RequestKey) -> bool {
        self.request.is_some_and(|(field, content)| field == key.field && content != key.content)
    }
}

/// The index as the group sees it: the disk, and what the group has changed so far.
pub(super) struct Index<'a> {
    tables: &'a Tables,
    issues: HashMap<IssueKey, Option<Known>>,
    keys: HashMap<Identity, Answered>,
    added: Vec<(Identity, Answered, i64)>,
}

/// The numbers of the oldest key and of the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeyRange {
    pub(super) first: u64,
    pub(super) next: u64,
}

impl KeyRange {
    pub(super) fn read(tables: &Tables) -> Result<Self, fjall::Error> {
        let number = |guard: Option<fjall::Guard>| match guard {
            None => Ok(None),
            Some(guard) => guard.key().map(|key| u64_of(&key)),
        };
        let first = number(tables.key_order.first_key_value())?;
        let last = number(tables.key_order.last_key_value())?;
        Ok(match (first, last) {
            (Some(first), Some(last)) => Self { first, next: last + 1 },
            _ => Self::default(),
        })
    }
}

impl<'a> Index<'a> {
    pub(super) fn new(tables: &'a Tables) -> Self {
        Self { tables, issues: HashMap::new(), keys: HashMap::new(), added: Vec::new() }
    }

    /// What is known of this issue.
    pub(super) fn issue(&mut self, key: &IssueKey) -> Result<Option<Known>, fjall::Error> {
        if let Some(known) = self.issues.get(key) {
            return Ok(*known);
        }
        let known = self.tables.issues.get(key.write())?.and_then(|value| Known::read(&value));
        self.issues.insert(key.clone(), known);
        Ok(known)
    }

    /// The issue with this number.
    pub(super) fn issue_by_id(&mut self, id: IssueId) -> Result<Option<(IssueKey, Known)>, fjall::Error> {
        // One that this group made is not on disk yet.
        let made = self.issues.iter().find(|(key, known)| key.id == id && known.is_some());
        if let Some((key, Some(known))) = made {
            return Ok(Some((key.clone(), *known)));
        }
        let Some(guard) = self.tables.issues.prefix(id.get().to_be_bytes()).next() else { return Ok(None) };
        let (key, value) = guard.into_inner()?;
        Ok(IssueKey::read(&key).zip(Known::read(&value)))
    }

    /// Looks every issue up again: the index was emptied.
    pub(super) fn forget_issues(&mut self) {
        self.issues.clear();
    }

    pub(super) fn set_issue(&mut self, batch: &mut WriteBatch, key: &IssueKey, known: Known) {
        batch.insert(&self.tables.issues, key.write(), known.write());
        self.issues.insert(key.clone(), Some(known));
    }

    /// What was answered to the thing that has this identity, if it is still remembered.
    pub(super) fn answered(&self, identity: Identity, now_ms: i64) -> Result<Option<Answered>, fjall::Error> {
        if let Some(answered) = self.keys.get(&identity) {
            return Ok(Some(*answered));
        }
        let stored = self.tables.keys.get(identity.0)?.and_then(|value| StoredKey::read(&value));
        Ok(stored.filter(|stored| !is_expired(stored.at_ms, now_ms)).map(|stored| stored.answered))
    }

    /// Remembers what is answered.
    pub(super) fn remember(&mut self, identity: Identity, answered: Answered, now_ms: i64) {
        if let Entry::Vacant(place) = self.keys.entry(identity) {
            place.insert(answered);
            self.added.push((identity, answered, now_ms));
        }
    }

    /// Writes the new keys and forgets as many of the oldest as the limits ask for.
    pub(super) fn write_keys(
        self,
        batch: &mut WriteBatch,
        mut range: KeyRange,
        now_ms: i64,
    ) -> Result<KeyRange, fjall::Error> {
        let added = self.added.len() as u64;
        for (key, answered, at_ms) in self.added {
            let stored = StoredKey { answered, at_ms, ordinal: range.next };
            batch.insert(&self.tables.keys, key.0.to_vec(), stored.write());
            let mut order = at_ms.to_be_bytes().to_vec();
            order.extend_from_slice(&key.0);
            batch.insert(&self.tables.key_order, range.next.to_be_bytes().to_vec(), order);
            range.next += 1;
        }
        let at_once = if added == 0 { 0 } else { added + limits::KEYS_EXPIRED_AT_ONCE };
        for _ in 0..at_once {
            let Some(order) = self.tables.key_order.get(range.first.to_be_bytes())? else { break };
            let Some((at, key)) = order.split_first_chunk::<8>() else { break };
            let is_over = range.next - range.first > IDEMPOTENCY_KEYS;
            if !is_over && !is_expired(i64::from_be_bytes(*at), now_ms) {
                break;
            }
            // The key may have come again since: then a later ordinal stands for it.
            let stored = self.tables.keys.get(key)?.and_then(|value| StoredKey::read(&value));
            if stored.is_some_and(|stored| stored.ordinal == range.first) {
                batch.remove(&self.tables.keys, key.to_vec());
            }
            batch.remove(&self.tables.key_order, range.first.to_be_bytes().to_vec());
            range.first += 1;
        }
        Ok(range)
    }
}

/// `is_new` u8, time i64, ordinal u64, and for a request the field of its key u8 and the hash of its content u128.
struct StoredKey {
    answered: Answered,
    at_ms: i64,
    ordinal: u64,
}

impl StoredKey {
    fn write(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(34);
        value.push(u8::from(self.answered.is_new));
        value.extend_from_slice(&self.at_ms.to_be_bytes());
        value.extend_from_slice(&self.ordinal.to_be_bytes());
        if let Some((field, content)) = self.answered.request {
            value.push(field as u8);
            value.extend_from_slice(&content.0.to_be_bytes());
        }
        value
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (is_new, rest) = value.split_first()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (ordinal, rest) = rest.split_first_chunk::<8>()?;
        let request = match rest.split_first() {
            None => None,
            Some((field, content)) => {
                let content = Content(u128::from_be_bytes(content.try_into().ok()?));
                Some((KeyField::from_number(*field)?, content))
            }
        };
        Some(Self {
            answered: Answered { is_new: *is_new == 1, request },
            at_ms: i64::from_be_bytes(*at),
            ordinal: u64::from_be_bytes(*ordinal),
        })
    }
}

fn is_expired(at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) > (IDEMPOTENCY_SECONDS * 1000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_is_read_as_it_was_written() {
        let fingerprint = Fingerprint::new("shop", "2FAError", "a.py", 1);
        for project in ["shop", "shop2", "", "\u{0}ä"] {
            let key = IssueKey::new(project, fingerprint);
            assert!(IssueKey::read(&key.write()) == Some(key), "{project}");
        }
        let known = Known::read(&Known { status: IssueStatus::Fixed, sequence: 7 << 40 }.write()).unwrap();
        assert_eq!((known.status, known.sequence), (IssueStatus::Fixed, 7 << 40));
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_as_earlier_versions_wrote_it() {
        for request in
            [None, Some((KeyField::Header, Content(7))), Some((KeyField::EventId, Content(u128::MAX)))]
        {
            let written =
                StoredKey { answered: Answered { is_new: true, request }, at_ms: 5, ordinal: 6 }.write();
            let read = StoredKey::read(&written).unwrap();
            assert_eq!((read.answered.is_new, read.at_ms, read.ordinal), (true, 5, 6));
            assert_eq!(read.answered.request, request);
        }
        // Without the content: whatever comes under it is taken for the same.
        let earlier = [&[1][..], &5_i64.to_be_bytes(), &6_u64.to_be_bytes()].concat();
        assert_eq!(StoredKey::read(&earlier).unwrap().answered.request, None);
        assert!(StoredKey::read(&[&earlier[..], &[9]].concat()).is_none());
    }
}
