//! Places in lists of what happened, newest first.

/// The place of an item in such a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its time, in milliseconds since 1970.
    pub time: i64,
    /// Its place among those of the same millisecond.
    pub tie: u64,
    /// How many of its equals were before it, itself included.
    pub skip: u32,
}

/// What has a place: its time, and what puts those of one millisecond in an order. Only equal ones have the same.
pub trait Placed {
    /// Both.
    fn place(&self) -> (i64, u64);
}

impl Place {
    /// Before everything up to this time.
    pub const fn newest(time: i64) -> Self {
        Self { time, tie: u64::MAX, skip: 0 }
    }

    /// The place behind the last of `page`, which itself began behind `before`.
    pub fn behind(page: &[impl Placed], before: Option<Self>) -> Option<Self> {
        let (time, tie) = page.last()?.place();
        let equals = page.iter().rev().take_while(|item| item.place() == (time, tie)).count();
        let earlier =
            before.filter(|before| before.time == time && before.tie == tie).map_or(0, |before| before.skip);
        let skip = earlier.saturating_add(u32::try_from(equals).unwrap_or(u32::MAX));
        Some(Self { time, tie, skip })
    }
}
