//! What is done when the spool is opened: it is compared with its mark, so that nothing is sent twice and nothing is lost
//! silently.
//!
//! The store below cuts its journal off at the first damaged place and goes on, as if the rest had never been written. Then
//! the spool is one of an earlier time: what it takes for waiting is in ClickHouse, and the issue index and the
//! idempotency keys are old. The same holds for a copy that somebody put back.

use super::counters;
use super::damage::Damage;
use super::database::{
    META_APPENDED, META_BATCH, META_FROZEN, META_INSTANCE, META_LATE, META_POSITION, META_SEEDED,
    META_SERVER, META_STORED, Tables, disk, u64_of,
};
use super::entry::{Entry, Kind};
use super::lane::{Cursor, Lane, Range};
use super::mark::{Kept, Mark, MarkFile, Note};
use super::{SpoolError, SpoolOptions, limits};
use crate::clock::unix_micros;
use crate::number::ServerId;
use fjall::PersistMode;

/// What the spool itself says.
struct Found {
    instance: Option<u64>,
    server: Option<u64>,
    position: Option<u64>,
    late: Option<Cursor>,
    frozen: Option<Range>,
    batch: u64,
    stored_events: u64,
    appended_events: Option<u64>,
}

/// The entries that wait in both lanes.
struct Waiting {
    /// The position behind the last; `None` if nothing waits.
    next_entry: Option<u64>,
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
///
/// # Errors
/// The directory is not this server's; it cannot be read or written.
pub(super) fn reconcile(
    tables: &Tables,
    file: &MarkFile,
    options: &SpoolOptions,
) -> Result<Option<Damage>, SpoolError> {
    let found = Found::read(tables)?;
    found.check_server(options)?;
    let kept = file.read()?;
    let outcome = compare(tables, &found, &kept, file.noted())?;
    apply(tables, &found, &outcome, options.server)?;
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
    // A spool without a name is a new one, or one that has lost its state.
    let own = mark.filter(|mark| found.instance.is_none_or(|instance| instance == mark.spool));
    let instance = found.instance.or(own.map(|mark| mark.spool)).unwrap_or_else(unix_micros);
    let noted_own = noted.filter(|note| note.spool == instance);
    let known = own.unwrap_or_default();

    let noted_events = noted_own.map_or(0, |note| note.appended_events);
    let is_new = found.position.is_none() && known.stored_events == 0 && noted_events == 0;
    let sent_end = known.position.max(known.late.end).max(known.frozen.map_or(0, |range| range.end));
    let mut position = found.position.unwrap_or(0).max(known.position);
    let mut late = found.late.unwrap_or_default().max(known.late);
    let is_rolled_back = !is_new && own.is_some() && found.is_behind(known.position, known.late);

    let mut frozen =
        [known.frozen, found.frozen].into_iter().flatten().find(|range| range.is_ahead(position, late));
    let appended = found.appended_events.unwrap_or(0).max(noted_events);
    let stored_events = found.stored_events.max(known.stored_events);
    let noted_end = noted_own.map_or(0, |note| note.next_entry);
    let is_short =
        |next: Option<u64>| next.unwrap_or(0).max(position).max(late.end) < noted_end.max(sent_end);
    let missing = tables.missing.clone();

    let is_marked = own.is_some() || found.instance.is_none();
    let mut waiting = Waiting::read(tables, position, late)?;
    let is_suspect = is_rolled_back
        || !is_marked
        || !missing.is_empty()
        || is_short(waiting.next_entry)
        || found.appended_events.is_none_or(|events| events < appended);
    let is_small = waiting.bytes <= limits::COUNTED_BYTES;
    if is_suspect || is_small || waiting.has_hole(tables, position.max(late.end))? {
        waiting.count(tables, position, late)?;
    }
    let expected = appended.saturating_sub(stored_events);
    let events = waiting.events.unwrap_or(expected);

    let mut next_entry = waiting.next_entry.unwrap_or(0).max(position).max(late.end).max(sent_end);
    if waiting.next_entry.is_none() && (is_suspect || found.position.is_none()) {
        // Nothing waits: the spool goes on behind everything that ever had a place, also what the store below may
        // find again in an old journal.
        let anew = if found.position.is_none() { unix_micros() } else { 0 };
        next_entry = next_entry.max(noted_end).max(anew);
        (position, late) = (next_entry, Cursor::at(next_entry));
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
        missing: if is_new { Vec::new() } else { missing },
        is_unmarked: matches!(kept, Kept::Restored(_))
            || !is_marked && mark.is_none() && (stored_events > 0 || appended > 0),
        is_another: other.is_some(),
    };
    let frozen_batch = frozen.map_or(0, |range| range.last_number());
    Ok(Outcome {
        mark: Mark {
            spool: instance,
            position,
            late,
            frozen,
            batch: found.batch.max(known.batch).max(frozen_batch),
            stored_events,
            database_made_ms: mark.and_then(|mark| mark.database_made_ms),
        },
        next_entry,
        appended_events: stored_events + events,
        is_index_older: is_rolled_back && waiting.next_entry.is_none(),
        damage: damage.is_any().then_some(damage),
    })
}

/// Writes what differs, as a whole and durably.
fn apply(tables: &Tables, found: &Found, outcome: &Outcome, server: ServerId) -> Result<(), SpoolError> {
    let failed = |error: fjall::Error| disk(&error);
    let mark = &outcome.mark;
    if outcome.is_index_older {
        tables.issues.clear().map_err(failed)?;
    }
    let mut write = tables.database.batch().durability(Some(PersistMode::SyncData));
    let late_before = found.late.map_or(0, |cursor| cursor.position);
    let lanes = [
        (Lane::Main, found.position.unwrap_or(0), mark.position),
        (Lane::Late, late_before, mark.late.position),
    ];
    for (lane, before, after) in lanes.into_iter().filter(|(_, before, after)| before < after) {
        for guard in tables.lane(lane).range(before.to_be_bytes()..after.to_be_bytes()) {
            write.remove(tables.lane(lane), guard.key().map_err(failed)?);
        }
    }
    if found.late != Some(mark.late) {
        write.insert(&tables.meta, META_LATE, mark.late.write());
    }
    let numbers = [
        (META_INSTANCE, found.instance, mark.spool),
        (META_SERVER, found.server, server.get().into()),
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
    /// Whether it is older than what the mark says. What ClickHouse was sent last may be missing: that it was sent is durable
    /// before, that it is there is not.
    fn is_behind(&self, position: u64, late: Cursor) -> bool {
        let (found_position, found_late) = (self.position, self.late.unwrap_or_default());
        let after = self.frozen.map(|range| range.apply(found_position.unwrap_or(0), found_late));
        let is_main_behind = found_position.is_none_or(|found| found < position)
            && after.is_none_or(|(expected, _)| expected != position);
        let is_late_behind =
            found_late.order() < late.order() && after.is_none_or(|(_, expected)| expected != late);
        is_main_behind || is_late_behind
    }

    /// Whether this server may use it.
    fn check_server(&self, options: &SpoolOptions) -> Result<(), SpoolError> {
        let directory = options.directory.display();
        match self.server {
            None if self.instance.is_some() => Err(SpoolError::NotOurs(format!(
                "the spool in {directory} was written by an earlier build of this program, which cannot be taken over: start \
                 that build until nothing waits, then move the directory aside"
            ))),
            Some(before) if before != u64::from(options.server.get()) && !options.take_over => {
                Err(SpoolError::NotOurs(format!(
                    "the spool in {directory} is that of server {before}, and --server-id (LOG_CENTER_SERVER_ID) is {}. Give \
                     this server the id {before}; or, if no server has that id any more, start with --take-over",
                    options.server
                )))
            }
            Some(before) if before != u64::from(options.server.get()) => {
                tracing::warn!(before, now = %options.server, "the spool of another server id is taken over");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read(tables: &Tables) -> Result<Self, SpoolError> {
        let number = |name: &[u8]| tables.meta_u64(name).map_err(|error| disk(&error));
        Ok(Self {
            instance: number(META_INSTANCE)?,
            server: number(META_SERVER)?,
            position: number(META_POSITION)?,
            late: tables.kept_cursor()?,
            frozen: tables.frozen()?,
            batch: number(META_BATCH)?.unwrap_or(0),
            stored_events: number(META_STORED)?.unwrap_or(0),
            appended_events: number(META_APPENDED)?,
        })
    }
}

impl Waiting {
    fn read(tables: &Tables, position: u64, late: Cursor) -> Result<Self, SpoolError> {
        let main = counters::Waiting::read(tables, Lane::Main, position)?;
        let late = counters::Waiting::read(tables, Lane::Late, late.position)?;
        let next_entry = main.next_entry().max(late.next_entry());
        let is_empty = main.ends.is_none() && late.ends.is_none();
        Ok(Self {
            next_entry: (!is_empty).then_some(next_entry),
            bytes: main.bytes() + late.bytes(),
            events: is_empty.then_some(0),
        })
    }

    /// Whether positions are missing among the last entries. Only a damaged journal makes holes, and of what journals hold
    /// nothing is older; a new place after an earlier damage looks like one, which costs the time of counting and no more.
    fn has_hole(&self, tables: &Tables, from: u64) -> Result<bool, SpoolError> {
        let Some(next) = self.next_entry else { return Ok(false) };
        let mut lanes = Lane::ALL.map(|lane| tables.lane(lane).range(from.to_be_bytes()..));
        let last = |lane: &mut fjall::Iter| -> Result<Option<(u64, u64)>, SpoolError> {
            let Some(guard) = lane.next_back() else { return Ok(None) };
            let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
            Ok(u64_of(&key).map(|at| (at, value.len() as u64)))
        };
        let [main, late] = &mut lanes;
        let mut ends = [last(main)?, last(late)?];
        let (mut expected, mut bytes) = (next, 0);
        while expected > from && bytes < limits::HOLES_BYTES {
            expected -= 1;
            let lane = usize::from(ends[1] > ends[0]);
            match ends[lane] {
                Some((at, length)) if at == expected => bytes += length,
                _ => return Ok(true),
            }
            ends[lane] = last(&mut lanes[lane])?;
        }
        Ok(false)
    }

    fn count(&mut self, tables: &Tables, position: u64, late: Cursor) -> Result<(), SpoolError> {
        let mut events = 0;
        for (lane, position) in [(Lane::Main, position), (Lane::Late, late.position)] {
            for guard in tables.lane(lane).range(position.to_be_bytes()..) {
                let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
                let entry = Entry::parse(&value)?;
                let at = u64_of(&key).unwrap_or(u64::MAX);
                let is_past = |day| lane == Lane::Late && late.is_past(at, day);
                let waiting = entry.sections.iter().filter(|section| !is_past(section.day));
                let of_events = waiting.filter(|section| section.kind != Kind::Transition);
                events += of_events.map(|section| u64::from(section.rows)).sum::<u64>();
            }
        }
        self.events = Some(events);
        Ok(())
    }
}
