//! Batches out of entries, the same ones however often they are put together.

use super::database::{Tables, disk, u64_of};
use super::entry::{Entry, Kind, Section};
use super::lane::{Lane, Range};
use super::{FrozenBatch, SpoolError, limits};
use crate::event::Ordinals;
use fjall::Slice;
use std::collections::{BTreeMap, BTreeSet};

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
    let (first_day, last_day) = match lane {
        Lane::Main => (Days::of(&entries).first, None),
        Lane::Late => {
            let days = slice(&entries, cursor.from_day);
            (days.first, Some(days.last))
        }
    };
    let count = held.values.len() as u64;
    let range = Range { start, end: held.end, first_number, entries: count, first_day, last_day };
    let batches = batches(&entries, &range, false)?;
    Ok(Some((range, batches)))
}

/// The batches of a range that has its numbers.
pub(super) fn again(tables: &Tables, range: &Range) -> Result<Vec<FrozenBatch>, SpoolError> {
    let held = all(tables, range.lane(), range.start, range.end)?;
    let is_partial = (held.values.len() as u64) < range.entries;
    batches(&held.entries()?, range, is_partial)
}

/// As many entries from `start` on as go into one range. They have the same columns, and in the main lane few days.
fn some(tables: &Tables, lane: Lane, start: u64) -> Result<Values, SpoolError> {
    let mut values = Vec::new();
    let (mut end, mut bytes, mut rows) = (start, 0, 0);
    let (mut version, mut days) = (None, Days::NONE);
    for guard in tables.lane(lane).range(start.to_be_bytes()..) {
        let (key, value) = guard.into_inner().map_err(|error| disk(&error))?;
        let entry = Entry::parse(&value)?;
        let entry_rows: usize = entry.sections.iter().map(|section| section.rows as usize).sum();
        let entry_bytes: usize = entry.sections.iter().map(Section::unpacked_len).sum();
        let with_entry = days.and(Days::of(std::slice::from_ref(&entry)));
        let is_over = bytes + entry_bytes > limits::FROZEN_BYTES
            || rows + entry_rows > limits::FROZEN_ROWS
            || version.is_some_and(|version| version != entry.version)
            || lane == Lane::Main && with_entry.span() > Range::DAYS_MAX;
        if is_over && !values.is_empty() {
            break;
        }
        (version, days) = (Some(entry.version), with_entry);
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

/// The days of some events.
#[derive(Clone, Copy)]
struct Days {
    first: i32,
    last: i32,
}

impl Days {
    /// No day at all.
    const NONE: Self = Self { first: i32::MAX, last: i32::MIN };

    fn of(entries: &[Entry<'_>]) -> Self {
        let sections = entries.iter().flat_map(|entry| &entry.sections);
        let events = sections.filter(|section| section.kind != Kind::Transition);
        events.fold(Self::NONE, |days, section| days.and(Self { first: section.day, last: section.day }))
    }

    fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// How many days lie between the first and the last, both included.
    fn span(self) -> u32 {
        if self.first > self.last { 0 } else { self.last.abs_diff(self.first).saturating_add(1) }
    }
}

/// The next days from this one on, as many as are sent between two turns of the main lane.
fn slice(entries: &[Entry<'_>], from_day: i32) -> Days {
    let mut waiting = BTreeMap::<i32, BTreeSet<_>>::new();
    for entry in entries {
        for section in entry.sections.iter().filter(|section| section.day >= from_day) {
            waiting.entry(section.day).or_default().insert(section.kind);
        }
    }
    let Some(first) = waiting.keys().next().copied() else {
        // A range of which the rest was lost: it has only to leave.
        return Days { first: from_day, last: Range::END };
    };
    let (mut last, mut batches) = (first, 0);
    for (day, of_day) in waiting {
        batches += of_day.len();
        if day > first && (batches > limits::SLICE_BATCHES || day.abs_diff(first) >= Range::DAYS_MAX) {
            return Days { first, last };
        }
        last = day;
    }
    Days { first, last: Range::END }
}

/// Rows of one table and day, and the number that they are sent under.
struct Group<'a> {
    number: u64,
    kind: Kind,
    version: u8,
    day: i32,
    sections: Vec<&'a Section<'a>>,
}

fn batches(entries: &[Entry<'_>], range: &Range, is_partial: bool) -> Result<Vec<FrozenBatch>, SpoolError> {
    // In the order in which they are sent.
    let mut groups = BTreeMap::<u64, Group<'_>>::new();
    for entry in entries {
        for section in entry.sections.iter().filter(|section| range.contains(section.day)) {
            let Section { kind, day, .. } = *section;
            let number = range.number_of(kind, day);
            let group = || Group { number, kind, version: entry.version, day, sections: Vec::new() };
            groups.entry(number).or_insert_with(group).sections.push(section);
        }
    }
    groups.into_values().map(|group| group.batch(is_partial)).collect()
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
