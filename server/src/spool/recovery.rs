//! What is done when the spool is opened: it is compared with its mark, so that nothing is sent twice and nothing is lost
//! silently.
//!
//! The store below cuts its journal off at the first damaged place and goes on, as if the rest had never been written. Then
//! the spool is one of an earlier time: what it takes for waiting is in ClickHouse, and the issue index and the
//! idempotency keys are old. The same holds for a copy that somebody put back.

use super::damage::Damage;
use super::database::{
    META_APPENDED, META_BATCH, META_FROZEN, META_INSTANCE, META_POSITION, META_SEEDED, META_STORED, Tables,
    disk, u64_of,
};
use super::entry::Entry;
use super::mark::{Kept, Mark, MarkFile, Note, Range};
use super::{SpoolError, limits};
use crate::clock::unix_micros;
use fjall::PersistMode;

/// What the spool itself says.
struct Found {
    instance: Option<u64>,
    position: Option<u64>,
    frozen: Option<Range>,
    batch: u64,
    stored_events: u64,
    appended_events: Option<u64>,
}

/// The entries that wait.
#[derive(Default)]
struct Waiting {
    last: Option<u64>,
    bytes: u64,
    /// How many events they hold; `None` if they were not counted.
    events: Option<u64>,
}

/// How the spool goes on.
struct Outcome {
    mark: Mark,
    /// Where the next entry goes, at least.
    next_entry: u64,
    appended_events: u64,
    /// Nothing that waits is left, and ClickHouse knows more about the issues than the index does.
    is_index_older: bool,
    damage: Option<Damage>,
}

/// Brings spool and mark to the same state, and says what is lost.
pub(super) fn reconcile(tables: &Tables, file: &MarkFile) -> Result<Option<Damage>, SpoolError> {
    let found = Found::read(tables)?;
    let kept = file.read()?;
    let outcome = compare(tables, &found, &kept, file.noted())?;
    apply(tables, &found, &outcome)?;
    file.settle(outcome.mark)?;
    match outcome.damage {
        Some(_) => file.note_anew(outcome.next_entry, outcome.appended_events)?,
        None => file.note(outcome.next_entry, outcome.appended_events),
    }
    Ok(outcome.damage)
}

fn compare(tables: &Tables, found: &Found, kept: &Kept, noted: Option<Note>) -> Result<Outcome, SpoolError> {
    let mark = match kept {
        Kept::Whole(mark) | Kept::Restored(mark) => Some(*mark),
        Kept::Absent | Kept::Damaged => None,
    };
    // A spool without a name is a new one, one of a version without marks, or one that has lost its state.
    let own = mark.filter(|mark| found.instance.is_none_or(|instance| instance == mark.spool));
    let instance = found.instance.or(own.map(|mark| mark.spool)).unwrap_or_else(unix_micros);
    let noted_own = noted.filter(|note| note.spool == instance);
    let known = own.unwrap_or_default();

    let noted_events = noted_own.map_or(0, |note| note.appended_events);
    let is_new = found.position.is_none() && known.stored_events == 0 && noted_events == 0;
    let sent_end = known.frozen.map_or(known.position, |range| range.end.max(known.position));
    let mut position = found.position.unwrap_or(0).max(known.position);
    // The range that was being sent is the last thing that is made durable before ClickHouse has it.
    let is_behind = found.position.is_none_or(|position| position < known.position);
    let is_expected = found.frozen.is_some_and(|range| range.end == known.position);
    let is_rolled_back = !is_new && is_behind && !is_expected && own.is_some();

    let mut frozen = [known.frozen, found.frozen].into_iter().flatten().find(|range| range.start >= position);
    let appended = found.appended_events.unwrap_or(0).max(noted_events);
    let stored_events = found.stored_events.max(known.stored_events);
    let noted_end = noted_own.map_or(0, |note| note.next_entry);
    let is_short = |last: Option<u64>| last.map_or(position, |last| last + 1) < noted_end.max(sent_end);

    let is_marked = own.is_some() || found.instance.is_none();
    let mut waiting = Waiting::read(tables, position)?;
    let is_suspect = is_rolled_back
        || !is_marked
        || !tables.missing.is_empty()
        || is_short(waiting.last)
        || found.appended_events.is_none_or(|events| events < appended);
    if is_suspect || waiting.bytes <= limits::COUNTED_BYTES {
        waiting.count(tables, position)?;
    }
    let expected = appended.saturating_sub(stored_events);
    let events = waiting.events.unwrap_or(expected);

    let mut next_entry = waiting.last.map_or(position, |last| last + 1).max(sent_end);
    if waiting.last.is_none() && (is_suspect || found.position.is_none()) {
        // Nothing waits: the spool goes on behind everything that ever had a place, also what the store below may
        // find again in an old journal.
        let anew = if found.position.is_none() { unix_micros() } else { 0 };
        next_entry = next_entry.max(noted_end).max(anew);
        position = next_entry;
        frozen = None;
    }
    let other = mark.filter(|mark| own.is_none() && mark.spool != instance);
    let noted_other = noted.filter(|note| other.is_some_and(|other| other.spool == note.spool));
    let lost_with_other = noted_other
        .zip(other)
        .map_or(0, |(note, other)| note.appended_events.saturating_sub(other.stored_events));
    let lost_here = expected.saturating_sub(events);
    // What was being sent may be in ClickHouse: it counts as stored, so that nobody is told too little when that is lost.
    let stored_events = stored_events + known.frozen.map_or(0, |_| lost_here);
    let damage = Damage {
        lost_events: lost_here + lost_with_other,
        half_sent: known.frozen.map(|range| (range.first_number, known.batch.max(range.first_number))),
        is_rolled_back,
        is_gone: found.position.is_none() && !is_new,
        missing: if is_new { Vec::new() } else { tables.missing.clone() },
        is_unmarked: matches!(kept, Kept::Restored(_))
            || !is_marked && mark.is_none() && (stored_events > 0 || appended > 0),
        is_another: other.is_some(),
    };
    let frozen_batch = frozen.map_or(0, |range| range.first_number);
    Ok(Outcome {
        mark: Mark {
            spool: instance,
            position,
            frozen,
            batch: found.batch.max(known.batch).max(frozen_batch),
            stored_events,
            database_made_ms: mark.and_then(|mark| mark.database_made_ms),
        },
        next_entry,
        appended_events: stored_events + events,
        is_index_older: is_rolled_back && waiting.last.is_none(),
        damage: damage.is_any().then_some(damage),
    })
}

/// Writes what differs, as a whole and durably.
fn apply(tables: &Tables, found: &Found, outcome: &Outcome) -> Result<(), SpoolError> {
    let failed = |error: fjall::Error| disk(&error);
    let mark = &outcome.mark;
    if outcome.is_index_older {
        tables.issues.clear().map_err(failed)?;
    }
    let mut write = tables.database.batch().durability(Some(PersistMode::SyncData));
    let before = found.position.unwrap_or(0);
    if before < mark.position {
        for guard in tables.entries.range(before.to_be_bytes()..mark.position.to_be_bytes()) {
            write.remove(&tables.entries, guard.key().map_err(failed)?);
        }
    }
    let numbers = [
        (META_INSTANCE, found.instance, mark.spool),
        (META_POSITION, found.position, mark.position),
        (META_BATCH, Some(found.batch), mark.batch),
        (META_STORED, Some(found.stored_events), mark.stored_events),
        (META_APPENDED, found.appended_events, outcome.appended_events),
    ];
    let changed = numbers.into_iter().filter(|(_, before, after)| *before != Some(*after));
    for (name, _, after) in changed {
        write.insert(&tables.meta, name, after.to_be_bytes());
    }
    match mark.frozen {
        Some(range) if found.frozen != Some(range) => write.insert(&tables.meta, META_FROZEN, range.write()),
        None if found.frozen.is_some() => write.remove(&tables.meta, META_FROZEN),
        _ => {}
    }
    if outcome.damage.is_some() {
        write.remove(&tables.meta, META_SEEDED);
    }
    if write.is_empty() {
        return Ok(());
    }
    write.commit().map_err(failed)
}

impl Found {
    fn read(tables: &Tables) -> Result<Self, SpoolError> {
        let number = |name: &[u8]| tables.meta_u64(name).map_err(|error| disk(&error));
        let frozen = tables.meta.get(META_FROZEN).map_err(|error| disk(&error))?;
        Ok(Self {
            instance: number(META_INSTANCE)?,
            position: number(META_POSITION)?,
            frozen: frozen.and_then(|value| Range::read(&value)),
            batch: number(META_BATCH)?.unwrap_or(0),
            stored_events: number(META_STORED)?.unwrap_or(0),
            appended_events: number(META_APPENDED)?,
        })
    }
}

impl Waiting {
    fn read(tables: &Tables, position: u64) -> Result<Self, SpoolError> {
        let range = || tables.entries.range(position.to_be_bytes()..);
        let (Some(first), Some(last)) = (range().next(), range().next_back()) else {
            return Ok(Self { events: Some(0), ..Self::default() });
        };
        let (_, first) = first.into_inner().map_err(|error| disk(&error))?;
        let (key, last) = last.into_inner().map_err(|error| disk(&error))?;
        let end = Entry::parse(&last)?.start + last.len() as u64;
        Ok(Self { last: u64_of(&key), bytes: end.saturating_sub(Entry::parse(&first)?.start), events: None })
    }

    fn count(&mut self, tables: &Tables, position: u64) -> Result<(), SpoolError> {
        let mut events = 0;
        for guard in tables.entries.range(position.to_be_bytes()..) {
            let (_, value) = guard.into_inner().map_err(|error| disk(&error))?;
            events += Entry::parse(&value)?.events();
        }
        self.events = Some(events);
        Ok(())
    }
}
