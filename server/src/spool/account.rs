//! How many events came into the spool, how many left it for ClickHouse, and since when the oldest of the rest waits.
//!
//! Both totals are on disk, written together with the entries that they count. So what waits is their difference after
//! every crash and failure, and what `/metrics` shows adds up: accepted + resumed = stored + in the spool. Every figure
//! of that sum changes under one lock, which `/metrics` holds while it looks.

use super::limits;
use crate::event::Source;
use log_center_wire::UnixMillis;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What waits for ClickHouse at one moment.
#[derive(Debug, Clone, Copy)]
pub struct WaitingEvents {
    /// How many events.
    pub events: u64,
    /// When the oldest of them came, to a second; `None` if nothing waits.
    pub since: Option<UnixMillis>,
}

/// The totals in memory, and what they were counted from.
#[derive(Default)]
pub(super) struct Account(Mutex<State>);

#[derive(Default)]
struct State {
    /// Events ever appended to this spool, and ever found in ClickHouse.
    appended: u64,
    stored: u64,
    /// Whether the disk was asked before.
    is_known: bool,
    /// When entries came: the oldest first, one for each second in which any did.
    marks: VecDeque<Mark>,
}

struct Mark {
    first_entry: u64,
    at: UnixMillis,
}

impl Account {
    /// Takes over what the disk says when it is opened. What it has and nobody was told of (because the server was
    /// killed, or the disk failed with an unclear end) is counted as resumed, or as stored.
    pub(super) fn read(&self, appended: u64, stored: u64, position: u64, since: UnixMillis) {
        let mut state = self.state();
        if !state.is_known {
            // Of what was stored before this process nobody here has heard.
            (state.appended, state.stored) = (stored, stored);
        }
        count("log_center_resumed_total", appended.saturating_sub(state.appended));
        count("log_center_stored_total", stored.saturating_sub(state.stored));
        state.marks.clear();
        if appended > stored {
            state.marks.push_back(Mark { first_entry: position, at: since });
        }
        (state.appended, state.stored, state.is_known) = (appended, stored, true);
    }

    /// Notes events in the entry at this position, which is on disk now, and how many of them came by which way.
    pub(super) fn came(&self, entry: u64, appended: u64, at: UnixMillis, accepted: &[(Source, u64)]) {
        let mut state = self.state();
        for (source, events) in accepted {
            metrics::counter!("log_center_accepted_total", "source" => source.as_str()).increment(*events);
        }
        if appended > state.appended
            && state.marks.back().is_none_or(|mark| mark.at.0 + limits::LAG_STEP_MS <= at.0)
        {
            state.marks.push_back(Mark { first_entry: entry, at });
        }
        state.appended = appended;
    }

    /// Notes that everything before this position is in ClickHouse.
    pub(super) fn went(&self, position: u64, stored: u64) {
        let mut state = self.state();
        count("log_center_stored_total", stored.saturating_sub(state.stored));
        state.stored = stored;
        while state.marks.get(1).is_some_and(|next| next.first_entry <= position) {
            state.marks.pop_front();
        }
        if state.stored >= state.appended {
            state.marks.clear();
        }
    }

    /// When the oldest event from this position on came.
    pub(super) fn oldest_from(&self, position: u64) -> Option<UnixMillis> {
        let state = self.state();
        let later = state.marks.iter().take_while(|mark| mark.first_entry <= position).last();
        later.or(state.marks.front()).map(|mark| mark.at)
    }

    /// Events that wait for ClickHouse.
    pub(super) fn waiting(&self) -> u64 {
        self.state().waiting().events
    }

    /// Looks at what waits while nothing comes or goes.
    pub(super) fn hold<T>(&self, look: impl FnOnce(WaitingEvents) -> T) -> T {
        let state = self.state();
        look(state.waiting())
    }

    /// A panic elsewhere leaves numbers that are whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn waiting(&self) -> WaitingEvents {
        WaitingEvents {
            events: self.appended.saturating_sub(self.stored),
            since: self.marks.front().map(|mark| mark.at),
        }
    }
}

fn count(name: &'static str, events: u64) {
    metrics::counter!(name).increment(events);
}
