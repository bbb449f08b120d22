//! Batches out of entries, the same ones however often they are put together.

use super::database::{Tables, disk, u64_of};
use super::entry::{Entry, Kind, Section};
use super::lane::{Days, Lane, Range};
use super::{FrozenBatch, SpoolError, limits};
use crate::event::Ordinals;
use fjall::Slice;
use std::collections::{BTreeMap, BTreeSet};

/// Days that have numbers of their own within a range: more than a range of the main lane has, whatever was waiting, and than
/// a slice.
const NUMBERED_DAYS: u64 = 512;

/// Versions that have numbers of their own; later ones share the last.
const NUMBERED_VERSIONS: u64 = 16;

/// Entries as they lie there.
struct Values {
    values: Vec<Slice>,
    /// The position behind the last.
    end: u64,
}

/// The next range of a lane, with its batches; `None` if nothing waits there.
pub(super) fn next(
    tables: &Tables,
    lane: Lane,
    first_number: u64,
) -> Result<Option<(Range, Vec<FrozenBatch>)>, SpoolError> {
    let cursor = tables.cursor()?;
    let start = match lane {
        Lane::Main => tables.position()?,
        Lane::Late => cursor.position,
    };
    let is_begun = lane == Lane::Late && cursor.is_begun();
    let held = if is_begun { all(tables, lane, start, cursor.end)? } else { some(tables, lane, start)? };
    if held.values.is_empty() && !is_begun {
        return Ok(None);
    }
    let entries = held.entries()?;
    let days = (lane == Lane::Late).then(|| slice(&entries, cursor.from_day));
    let range = Range { start, end: held.end, first_number, entries: Some(held.values.len() as u64), days };
    let batches = batches(&entries, &range, false)?;
    Ok(Some((range, batches)))
}

/// The batches of a range that has its numbers.
pub(super) fn again(tables: &Tables, range: &Range) -> Result<Vec<FrozenBatch>, SpoolError> {
    let held = all(tables, range.lane(), range.start, range.end)?;
    let is_partial = (held.values.len() as u64) < range.entries();
    batches(&held.entries()?, range, is_partial)
}

/// As many entries from `start` on as go into one range.
fn some(tables: &Tables, lane: Lane, start: u64) -> Result<Values, SpoolError> {
    let mut values = Vec::new();
    let (mut end, mut bytes, mut rows) = (start, 0, 0);
    for guard in tables.lane(lane).range(start.to_be_bytes()..) {
        let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
        let entry = Entry::parse(&value)?;
        let entry_rows: usize = entry.sections.iter().map(|section| section.rows as usize).sum();
        let entry_bytes: usize = entry.sections.iter().map(Section::unpacked_len).sum();
        let is_over = bytes + entry_bytes > limits::FROZEN_BYTES || rows + entry_rows > limits::FROZEN_ROWS;
        if is_over && !values.is_empty() {
            break;
        }
        bytes += entry_bytes;
        rows += entry_rows;
        end = u64_of(&key).unwrap_or(end) + 1;
        values.push(value);
    }
    Ok(Values { values, end })
}

/// The entries that are left between two positions.
fn all(tables: &Tables, lane: Lane, start: u64, end: u64) -> Result<Values, SpoolError> {
    let guards = tables.lane(lane).range(start.to_be_bytes()..end.to_be_bytes());
    let values = guards.map(|guard| guard.value().map_err(|error| disk(&error))).collect::<Result<_, _>>()?;
    Ok(Values { values, end })
}

impl Values {
    fn entries(&self) -> Result<Vec<Entry<'_>>, SpoolError> {
        self.values.iter().map(|value| Entry::parse(value)).collect()
    }
}

/// The next days from this one on, as many as are sent between two turns of the main lane.
fn slice(entries: &[Entry<'_>], from_day: i32) -> Days {
    let mut waiting = BTreeMap::<i32, BTreeSet<_>>::new();
    for entry in entries {
        for section in entry.sections.iter().filter(|section| section.day >= from_day) {
            waiting.entry(section.day).or_default().insert((section.kind, entry.version));
        }
    }
    let Some(first) = waiting.keys().next().copied() else {
        // A range of which the rest was lost: it has only to leave.
        return Days { first: from_day, last: Days::END };
    };
    let (mut last, mut batches) = (first, 0);
    for (day, of_day) in waiting {
        batches += of_day.len();
        if day > first && (batches > limits::SLICE_BATCHES || day.abs_diff(first) >= limits::SLICE_SPAN_DAYS)
        {
            return Days { first, last };
        }
        last = day;
    }
    Days { first, last: Days::END }
}

/// Rows of one table, day and version, and the number that they are sent under.
struct Group<'a> {
    number: u64,
    kind: Kind,
    version: u8,
    day: i32,
    sections: Vec<&'a Section<'a>>,
}

fn batches(entries: &[Entry<'_>], range: &Range, is_partial: bool) -> Result<Vec<FrozenBatch>, SpoolError> {
    let is_sent = |day| range.days.is_none_or(|days| days.contains(day));
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for entry in entries {
        for section in entry.sections.iter().filter(|section| is_sent(section.day)) {
            groups.entry((section.kind, section.day, entry.version)).or_default().push(section);
        }
    }
    let groups = groups.into_iter().map(|((kind, day, version), sections)| (kind, day, version, sections));
    let first_day = range.days.map_or(0, |days| days.first);
    // A range of an earlier version has its numbers by place.
    let is_by_place = range.entries.is_none();
    let mut numbered: Vec<_> = (range.first_number..)
        .zip(groups)
        .map(|(place, (kind, day, version, sections))| {
            let number = if is_by_place {
                place
            } else {
                range.first_number + number_of(kind, day.wrapping_sub(first_day), version)
            };
            Group { number, kind, version, day, sections }
        })
        .collect();
    numbered.sort_by_key(|group| group.number);
    numbered.into_iter().map(|group| group.batch(is_partial)).collect()
}

/// The number of a batch within its range, by days since the first of a slice. It depends on nothing but what the batch is, so that it stays the same when the spool
/// has lost some entries of the range.
fn number_of(kind: Kind, day: i32, version: u8) -> u64 {
    let place = match kind {
        Kind::Event => 0,
        Kind::EventBlock => 1,
        Kind::Transition => 2,
    };
    let day = u64::from(day.rem_euclid(NUMBERED_DAYS as i32).cast_unsigned());
    let version = u64::from(version).min(NUMBERED_VERSIONS - 1);
    (place * NUMBERED_DAYS + day) * NUMBERED_VERSIONS + version
}

impl Group<'_> {
    fn batch(self, is_partial: bool) -> Result<FrozenBatch, SpoolError> {
        let Self { number, kind, version, day, sections } = self;
        // `batch` and `ordinal` take 12 bytes a row.
        let size = sections.iter().map(|section| section.unpacked_len() + 12 * section.rows as usize).sum();
        let (mut rows, mut bytes) = (0, Vec::with_capacity(size));
        let mut ordinals = Ordinals::default();
        for section in sections {
            section.write_rows(number, &mut ordinals, &mut bytes)?;
            rows += u64::from(section.rows);
        }
        Ok(FrozenBatch { number, kind, version, day, rows, is_partial, bytes: bytes.into() })
    }
}
