//! Open connections of a listener: how many, whose, and which one gives way to a new one.
//!
//! Who shows a password is known only from a request's head, so every connection is taken, and it is one of those without a password that is
//! closed when there are too many. Log Center's own listeners use this, too.

mod occupying;
mod refusal;
mod wire;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use http::Response;

pub use occupying::Occupying;
pub use refusal::Refusals;
pub use wire::Wire;

/// What a listener allows, and what it says.
#[derive(Debug)]
pub struct Rules {
    /// Open connections. For one more, the one that is of least use is closed.
    pub connections: usize,
    /// Open connections of one address that have not shown a password. For one more, one of theirs is closed.
    pub strangers_of_one_address: usize,
    /// Longest time from the first byte of a request's head to its last.
    pub head_time: Duration,
    /// Answers to what is no request.
    pub refusals: Refusals,
}

/// How long a connection that waits counts as new, and is spared.
const NEW: Duration = Duration::from_secs(1);

/// What a connection is doing. Those that come first are closed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It waits for a request, or for the rest of a request's head.
    Waiting,
    /// The body of its request is coming in.
    Arriving,
    /// Its answer is going out.
    Answering,
    /// Its request waits for its turn or is worked on, of which there are only so many.
    Running,
}

#[derive(Debug, Clone, Copy)]
struct State {
    phase: Phase,
    since: Instant,
    shows_password: bool,
}

/// One connection's place among the others.
#[derive(Debug)]
pub struct Place {
    number: u64,
    peer: IpAddr,
    rules: &'static Rules,
    state: Mutex<State>,
    /// Requests that were understood so far.
    requests: AtomicU64,
    closed: Notify,
}

impl Place {
    /// The address it comes from.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    fn state(&self) -> State {
        *lock(&self.state)
    }

    fn set(&self, phase: Phase) {
        let mut state = lock(&self.state);
        if state.phase != phase {
            state.phase = phase;
            state.since = Instant::now();
        }
    }

    /// Whether it has no request, as far as that is known.
    fn is_waiting(&self) -> bool {
        self.state().phase == Phase::Waiting
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Acquire)
    }

    /// Returns when the connection has to give way.
    pub async fn closed(&self) {
        self.closed.notified().await;
    }
}

/// A connection has a request as long as this lives.
#[derive(Debug)]
pub struct Busy(Arc<Place>);

impl Busy {
    /// A request has begun.
    pub fn new(place: Arc<Place>) -> Self {
        place.requests.fetch_add(1, Ordering::AcqRel);
        place.set(Phase::Arriving);
        Self(place)
    }

    /// The address it comes from.
    pub fn peer(&self) -> IpAddr {
        self.0.peer
    }

    /// The connection is one of somebody who shows the password.
    pub fn shows_password(&self) {
        lock(&self.0.state).shows_password = true;
    }

    /// The whole request is there.
    pub fn runs(&self) {
        self.0.set(Phase::Running);
    }

    /// The answer is about to go out, which keeps the connection busy to its end.
    pub fn answer<B>(self, response: Response<B>) -> Response<Occupying<B>> {
        self.0.set(Phase::Answering);
        response.map(|body| Occupying::new(body, self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(Phase::Waiting);
    }
}

/// All open connections.
#[derive(Debug)]
pub struct Connections {
    rules: &'static Rules,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    places: HashMap<u64, Arc<Place>>,
}

impl Connections {
    /// None so far.
    #[must_use]
    pub fn new(rules: &'static Rules) -> Arc<Self> {
        Arc::new(Self { rules, open: Mutex::default() })
    }

    /// A place for a new connection, for which another one may have to go. `None` if all others are needed more.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Entered> {
        let mut open = lock(&self.open);
        let is_stranger_from_there = |place: &Place| place.peer == peer && !place.state().shows_password;
        if open.places.values().filter(|place| is_stranger_from_there(place)).count()
            >= self.rules.strangers_of_one_address
        {
            open.close_one(is_stranger_from_there);
        }
        if open.places.len() >= self.rules.connections && !open.close_one(|_| true) {
            return None;
        }
        open.next += 1;
        let state = State { phase: Phase::Waiting, since: Instant::now(), shows_password: false };
        let place = Arc::new(Place {
            number: open.next,
            peer,
            rules: self.rules,
            state: Mutex::new(state),
            requests: AtomicU64::new(0),
            closed: Notify::new(),
        });
        open.places.insert(place.number, place.clone());
        Some(Entered { connections: self.clone(), place })
    }
}

impl Open {
    /// Closes the one of least use among those that may be closed.
    fn close_one(&mut self, may: impl Fn(&Place) -> bool) -> bool {
        let use_of = |place: &Place| {
            let state = place.state();
            // What has just come would otherwise never get to say what it is while all others have said it.
            let is_new = state.phase == Phase::Waiting && state.since.elapsed() < NEW;
            (state.phase != Phase::Running).then_some((
                state.shows_password,
                is_new,
                state.phase,
                state.since,
            ))
        };
        let candidates = self.places.values().filter(|place| may(place));
        let least = candidates.filter_map(|place| Some((use_of(place)?, place.number))).min();
        let Some(place) = least.and_then(|(_, number)| self.places.remove(&number)) else { return false };
        place.closed.notify_one();
        true
    }
}

/// A connection's place, left when this is dropped.
#[derive(Debug)]
pub struct Entered {
    connections: Arc<Connections>,
    place: Arc<Place>,
}

impl Entered {
    /// The place itself.
    pub fn place(&self) -> &Arc<Place> {
        &self.place
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        lock(&self.connections.open).places.remove(&self.place.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
