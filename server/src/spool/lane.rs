//! The two lanes of the spool, so that what is fresh never waits behind many days of what is old.
//!
//! An entry lies in one of them, and all entries of both have their places in one order. What belongs to yesterday, today or
//! tomorrow goes into the main lane, and so do the changes of issues; events of other days go into the late one, in the
//! same write. The main lane is sent range by range. A range of the late lane is sent in slices of some days each, so that the
//! main lane has its turn between two of them; its entries leave together, with the last slice.

use super::database::u64_of;
use super::entry::Kind;
use crate::number;
use serde::{Deserialize, Serialize};

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What is fresh.
    Main,
    /// Events of days that are long over, or still far off.
    Late,
}

impl Lane {
    pub(super) const ALL: [Lane; 2] = [Lane::Main, Lane::Late];

    /// The lane of the events of `day` when they come on `today`. A clock that is some hours off makes nothing late.
    pub(super) const fn of(day: i32, today: i32) -> Self {
        if day.abs_diff(today) <= 1 { Lane::Main } else { Lane::Late }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Lane::Main => Lane::Late,
            Lane::Late => Lane::Main,
        }
    }
}

/// Positions before which everything is in ClickHouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Of the main lane.
    pub main: u64,
    /// Of the late one.
    pub late: u64,
}

impl Reached {
    /// Of both.
    pub fn all(self) -> u64 {
        self.main.min(self.late)
    }
}

/// How much of the late lane ClickHouse has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Everything before it.
    pub(super) position: u64,
    /// Of the entries before this one, the days before `from_day`. The same as `position` where no range is begun.
    pub(super) end: u64,
    pub(super) from_day: i32,
}

impl Default for Cursor {
    fn default() -> Self {
        Self::at(0)
    }
}

impl Cursor {
    /// Everything before this position, and nothing of what comes there.
    pub(super) fn at(position: u64) -> Self {
        Self { position, end: position, from_day: i32::MIN }
    }

    /// Whether a part of a range is in ClickHouse and the rest is not.
    pub(super) fn is_begun(self) -> bool {
        self.end > self.position
    }

    /// Whether ClickHouse has the events of this day in this entry.
    pub(super) fn is_past(self, entry: u64, day: i32) -> bool {
        entry < self.position || (entry < self.end && day < self.from_day)
    }

    /// Grows with what ClickHouse has.
    pub(super) fn order(self) -> (u64, i32) {
        (self.position, self.from_day)
    }

    /// The one that is further.
    pub(super) fn max(self, other: Self) -> Self {
        if other.order() > self.order() { other } else { self }
    }

    /// As the spool itself keeps it.
    pub(super) fn write(self) -> Vec<u8> {
        let mut bytes = [self.position, self.end].map(u64::to_be_bytes).concat();
        bytes.extend_from_slice(&self.from_day.to_be_bytes());
        bytes
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let from_day = i32::from_be_bytes(value.get(16..20)?.try_into().ok()?);
        Some(Self { position: u64_of(value.get(..8)?)?, end: u64_of(value.get(8..16)?)?, from_day })
    }
}

/// A range of entries of one lane that has numbers, and may have been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The first of its [`NUMBERS`](Self::NUMBERS).
    pub(super) first_number: u64,
    /// How many entries of its lane it had when it got its numbers.
    pub(super) entries: u64,
    /// The day from which the numbers of its batches are counted: none of its events is of an earlier one.
    pub(super) first_day: i32,
    /// The last day that is sent; `None` where it is a range of the main lane, which is sent as a whole.
    /// [`END`](Self::END) where a range of the late lane has no later days.
    pub(super) last_day: Option<i32>,
}

impl Range {
    /// Later than every day.
    pub(super) const END: i32 = i32::MAX;

    /// How many days the events of one range, or of one slice of it, may span.
    pub(super) const DAYS_MAX: u32 = 32;

    /// How many numbers are kept for a range: for each day one of events by row and one of events in blocks, and one of
    /// changes of issues.
    pub(super) const NUMBERS: u64 = 2 * Self::DAYS_MAX as u64 + 1;

    /// The number of one of its batches. It depends on nothing but what the batch is, so that it stays the same when the spool
    /// has lost some entries of the range. Changes of issues come last: whoever learns of a new issue from them finds its
    /// events.
    pub(super) fn number_of(&self, kind: Kind, day: i32) -> u64 {
        let day = u64::from(day.abs_diff(self.first_day)).min(u64::from(Self::DAYS_MAX) - 1);
        let place = match kind {
            Kind::Event => 2 * day,
            Kind::EventBlock => 2 * day + 1,
            Kind::Transition => Self::NUMBERS - 1,
        };
        number::after(self.first_number, place)
    }

    /// The greatest number that one of its batches can have.
    pub(super) fn last_number(&self) -> u64 {
        number::after(self.first_number, Self::NUMBERS - 1)
    }

    pub(super) fn lane(&self) -> Lane {
        if self.last_day.is_some() { Lane::Late } else { Lane::Main }
    }

    /// Whether it is sent with the events of this day.
    pub(super) fn contains(&self, day: i32) -> bool {
        self.last_day.is_none_or(|last| (self.first_day..=last).contains(&day))
    }

    /// Where the lanes are when it is in ClickHouse.
    pub(super) fn apply(&self, position: u64, cursor: Cursor) -> (u64, Cursor) {
        match self.last_day {
            None => (position.max(self.end), cursor),
            Some(Self::END) => (position, cursor.max(Cursor::at(self.end))),
            Some(last) => {
                let sliced = Cursor { position: self.start, end: self.end, from_day: last + 1 };
                (position, cursor.max(sliced))
            }
        }
    }

    /// Whether it is not in ClickHouse when the lanes are there.
    pub(super) fn is_ahead(&self, position: u64, cursor: Cursor) -> bool {
        match self.lane() {
            Lane::Main => self.start >= position,
            Lane::Late => (self.start, self.first_day) >= cursor.order(),
        }
    }

    /// As the spool itself keeps it.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes =
            [self.start, self.end, self.first_number, self.entries].map(u64::to_be_bytes).concat();
        bytes.extend(self.first_day.to_be_bytes());
        bytes.extend(self.last_day.into_iter().flat_map(i32::to_be_bytes));
        bytes
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let number = |at: usize| value.get(at..at + 8).and_then(u64_of);
        let day = |at: usize| value.get(at..at + 4)?.try_into().ok().map(i32::from_be_bytes);
        Some(Self {
            start: number(0)?,
            end: number(8)?,
            first_number: number(16)?,
            entries: number(24)?,
            first_day: day(32)?,
            last_day: day(36),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Range = Range {
        start: 10,
        end: 20,
        first_number: number::at(7),
        entries: 4,
        first_day: -3,
        last_day: Some(5),
    };

    #[test]
    fn a_range_is_read_as_it_was_written() {
        let main = Range { last_day: None, ..SLICE };
        for range in [SLICE, main] {
            assert_eq!(Range::read(&range.write()), Some(range));
            assert_eq!(
                serde_json::from_str::<Range>(&serde_json::to_string(&range).unwrap()).unwrap(),
                range
            );
        }
        assert_eq!(Range::read(&main.write()[..35]), None);
    }

    #[test]
    fn each_batch_of_a_range_has_a_number_of_its_own() {
        let days = || SLICE.first_day..SLICE.first_day + Range::DAYS_MAX as i32;
        let events =
            days().flat_map(|day| [Kind::Event, Kind::EventBlock].map(|kind| SLICE.number_of(kind, day)));
        let mut numbers: Vec<_> = events.chain([SLICE.number_of(Kind::Transition, 0)]).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        assert_eq!(numbers.len() as u64, Range::NUMBERS);
        assert_eq!(numbers.first(), Some(&SLICE.first_number));
        assert_eq!(numbers.last(), Some(&SLICE.last_number()));
    }

    #[test]
    fn slices_follow_each_other_until_the_range_is_over() {
        let mut cursor = Cursor::at(10);
        assert!(!cursor.is_begun());
        for (last, begun) in [(5, true), (9, true), (Range::END, false)] {
            let slice = Range { first_day: cursor.from_day.max(-3), last_day: Some(last), ..SLICE };
            assert!(slice.is_ahead(0, cursor));
            let (position, after) = slice.apply(3, cursor);
            assert_eq!((position, after.is_begun()), (3, begun));
            assert!(after.order() > cursor.order());
            // Once it is in ClickHouse it stays so, also for an older state of the spool that comes back.
            assert!(!slice.is_ahead(0, after));
            assert_eq!(slice.apply(3, after), (3, after));
            cursor = after;
            assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        }
        assert_eq!(cursor, Cursor::at(20));
    }

    #[test]
    fn a_begun_range_is_past_for_its_own_entries_and_days_only() {
        let (_, cursor) = SLICE.apply(0, Cursor::at(10));
        for (entry, day, past) in
            [(9, 99, true), (10, 5, true), (19, -9, true), (10, 6, false), (20, 5, false)]
        {
            assert_eq!(cursor.is_past(entry, day), past, "{entry} {day}");
        }
    }

    #[test]
    fn yesterday_and_tomorrow_are_not_late() {
        let lanes = [-2, -1, 0, 1, 2].map(|off| Lane::of(20_000 + off, 20_000));
        assert_eq!(lanes, [Lane::Late, Lane::Main, Lane::Main, Lane::Main, Lane::Late]);
        assert_eq!(Lane::of(i32::MIN, i32::MAX), Lane::Late);
    }
}
