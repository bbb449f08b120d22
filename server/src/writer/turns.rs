//! Which lane of the spool has its turn, and when.

use super::limits;
use crate::spool::{Frozen, Lane, Waits};
use std::time::Duration;
use tokio::time::Instant;

/// What was sent last, and when the last range of each lane was begun.
pub(super) struct Turns {
    last: Lane,
    begun: [Option<Instant>; 2],
    /// Somebody waits for what is in the spool.
    is_urgent: bool,
}

/// What the writer does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now(Lane),
    /// Nothing before this moment, unless something comes.
    Wait(Instant),
    /// Nothing waits.
    Idle,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { last: Lane::Late, begun: [None; 2], is_urgent: false }
    }

    /// Lets the next range begin at once.
    pub(super) fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// The lanes take turns where both are due, so that what is fresh waits for one slice of what is late at most.
    ///
    /// Time passes between two ranges of a lane: many small parts are dear to ClickHouse, in writing and in merging. What
    /// comes alone after a while is written at once; nobody waits when a full batch lies there, or somebody is in a hurry. The
    /// slices of one range make the same parts however soon they follow each other.
    pub(super) fn next(&self, waits: &Waits, pace: Duration, now: Instant) -> Turn {
        if waits.is_frozen {
            return Turn::Now(self.last);
        }
        let due = |lane: Lane, is_waiting: bool, is_begun: bool| {
            let is_pressing = self.is_urgent || is_begun || waits.bytes(lane) >= limits::HURRY_BYTES;
            let begun = self.begun[lane as usize].filter(|_| !is_pressing);
            is_waiting.then(|| begun.map_or(now, |begun| begun + pace))
        };
        let main = due(Lane::Main, waits.main, false);
        let late = due(Lane::Late, waits.late, waits.is_late_begun);
        let is_ready = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        match (is_ready(main), is_ready(late)) {
            (true, true) => Turn::Now(self.last.other()),
            (true, false) => Turn::Now(Lane::Main),
            (false, true) => Turn::Now(Lane::Late),
            (false, false) => main.into_iter().chain(late).min().map_or(Turn::Idle, Turn::Wait),
        }
    }

    /// Notes what is sent now. Whoever is in a hurry waits for what is fresh, if there is any.
    pub(super) fn begin(&mut self, frozen: &Frozen, waits: &Waits, now: Instant) {
        let lane = frozen.lane();
        self.last = lane;
        if lane == Lane::Main || !waits.is_late_begun {
            self.begun[lane as usize] = Some(now);
        }
        if lane == Lane::Main || !waits.main {
            self.is_urgent = false;
        }
    }
}
