//! Places in lists of what happened, newest first.

use crate::event::Record;

/// The place of an event in such a list: its time, and the order of arrival among those of one millisecond. No two events have
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its time, in milliseconds since 1970.
    pub time: i64,
    /// When the server accepted it, in milliseconds since 1970.
    pub received_at: i64,
    /// The batch that brought it.
    pub batch: u64,
    /// Which of the events of that batch with this time it is.
    pub ordinal: u32,
}

/// What has a place.
pub trait Placed {
    /// Its place.
    fn place(&self) -> Place;
}

impl Place {
    /// Before everything up to this time.
    pub const fn newest(time: i64) -> Self {
        Self { time, received_at: i64::MAX, batch: u64::MAX, ordinal: u32::MAX }
    }

    /// The place of the last of `page`: the next page begins behind it.
    pub fn behind(page: &[impl Placed]) -> Option<Self> {
        page.last().map(Placed::place)
    }

    /// The place as numbers, for a cursor.
    pub fn numbers(self) -> [u64; 4] {
        [self.time.cast_unsigned(), self.received_at.cast_unsigned(), self.batch, self.ordinal.into()]
    }

    /// The place of these [`numbers`](Self::numbers).
    pub fn of_numbers([time, received_at, batch, ordinal]: [u64; 4]) -> Self {
        Self {
            time: time.cast_signed(),
            received_at: received_at.cast_signed(),
            batch,
            ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
        }
    }
}

impl Placed for Record {
    fn place(&self) -> Place {
        Place {
            time: self.time.0.0,
            received_at: self.received_at.0.0,
            batch: self.batch,
            ordinal: self.ordinal,
        }
    }
}
