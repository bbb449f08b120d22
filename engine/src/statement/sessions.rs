//! `session_id`: a session that outlives its statement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Caller;
use crate::chdb::Connection;
use crate::exception::{Exception, Kind};
use crate::limits::{SESSION_TIME, SESSION_TIME_MAX, SESSIONS, SESSIONS_OF_ONE_ADDRESS, STRANGERS_SESSIONS};

/// What a request says of its session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRequest {
    pub(crate) id: String,
    /// `session_check=1`: fail if there is no such session yet.
    pub(crate) must_exist: bool,
    /// `close_session=1`: this is its last statement.
    pub(crate) is_last: bool,
    pub(crate) timeout: Duration,
}

impl SessionRequest {
    pub(crate) fn new(
        id: String,
        must_exist: bool,
        is_last: bool,
        timeout_seconds: Option<u64>,
    ) -> Result<Self, Exception> {
        let timeout = timeout_seconds.map_or(SESSION_TIME, Duration::from_secs);
        if timeout > SESSION_TIME_MAX {
            return Err(Exception::new(
                Kind::BadArguments,
                format_args!(
                    "session_timeout {} is larger than the maximum {}",
                    timeout.as_secs(),
                    SESSION_TIME_MAX.as_secs()
                ),
            ));
        }
        Ok(Self { id, must_exist, is_last, timeout })
    }
}

/// Whose session it is: nobody finds another's, nor can he push it out.
type Key = (Caller, String);

/// The sessions. Each may be used by one statement at a time. That of somebody who writes is a connection; a reader's keeps nothing, and
/// is only there to be found and to be locked.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_key: Mutex<HashMap<Key, Slot>>,
}

#[derive(Debug)]
enum Slot {
    Busy,
    Idle { connection: Option<Connection>, since: Instant, until: Instant },
}

impl Slot {
    fn idle_since(&self) -> Option<Instant> {
        match self {
            Self::Busy => None,
            Self::Idle { since, .. } => Some(*since),
        }
    }
}

impl Sessions {
    /// Takes a session for one statement. Without a connection it is a new one, or one that has none.
    pub(crate) fn take(
        self: &Arc<Self>,
        caller: Caller,
        request: &SessionRequest,
    ) -> Result<(Option<Connection>, Taken), Exception> {
        let mut sessions = lock(&self.by_key);
        drop_expired(&mut sessions);
        let id = &request.id;
        let key = (caller, id.clone());
        let connection = match sessions.remove(&key) {
            Some(Slot::Busy) => {
                sessions.insert(key, Slot::Busy);
                return Err(Exception::new(
                    Kind::SessionIsLocked,
                    format_args!("Session {id} is locked by a concurrent client"),
                ));
            }
            Some(Slot::Idle { connection, .. }) => connection,
            None if request.must_exist => {
                return Err(Exception::new(Kind::SessionNotFound, format_args!("Session {id} not found")));
            }
            None => {
                make_room(&mut sessions, caller)?;
                None
            }
        };
        sessions.insert(key.clone(), Slot::Busy);
        Ok((connection, Taken { sessions: self.clone(), key, request: request.clone() }))
    }

    /// Closes sessions that nobody used for their time.
    pub(crate) fn expire(&self) {
        drop_expired(&mut lock(&self.by_key));
    }

    /// Closes them all, for a stop.
    pub(crate) fn clear(&self) {
        lock(&self.by_key).clear();
    }
}

/// Closes what was idle for longest where one more would be too many.
fn make_room(sessions: &mut HashMap<Key, Slot>, caller: Caller) -> Result<(), Exception> {
    let is_stranger = matches!(caller, Caller::Stranger(_));
    close_oldest(sessions, if is_stranger { SESSIONS_OF_ONE_ADDRESS } else { SESSIONS }, |other| {
        other == caller
    })?;
    if is_stranger {
        close_oldest(sessions, STRANGERS_SESSIONS, |other| matches!(other, Caller::Stranger(_)))?;
    }
    Ok(())
}

fn close_oldest(
    sessions: &mut HashMap<Key, Slot>,
    limit: usize,
    counts: impl Fn(Caller) -> bool,
) -> Result<(), Exception> {
    let counted = || sessions.iter().filter(|((caller, _), _)| counts(*caller));
    if counted().count() < limit {
        return Ok(());
    }
    let oldest =
        counted().filter_map(|(key, slot)| Some((slot.idle_since()?, key))).min_by_key(|(since, _)| *since);
    match oldest.map(|(_, key)| key.clone()) {
        Some(key) => {
            sessions.remove(&key);
            Ok(())
        }
        None => Err(Exception::new(
            Kind::TooManySimultaneousQueries,
            format_args!("{limit} sessions are in use at this moment"),
        )),
    }
}

/// A session in use. Dropped without [`Taken::give_back`], the session ends.
#[derive(Debug)]
pub(crate) struct Taken {
    sessions: Arc<Sessions>,
    key: Key,
    request: SessionRequest,
}

impl Taken {
    pub(crate) fn give_back(self, connection: Option<Connection>) {
        if self.request.is_last {
            return;
        }
        let since = Instant::now();
        let slot = Slot::Idle { connection, since, until: since + self.request.timeout };
        lock(&self.sessions.by_key).insert(self.key.clone(), slot);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut sessions = lock(&self.sessions.by_key);
        if matches!(sessions.get(&self.key), Some(Slot::Busy)) {
            sessions.remove(&self.key);
        }
    }
}

fn drop_expired(sessions: &mut HashMap<Key, Slot>) {
    let now = Instant::now();
    sessions.retain(|_, slot| !matches!(slot, Slot::Idle { until, .. } if *until <= now));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
