//! `session_id`: a session that outlives its statement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chdb::Connection;
use crate::exception::{Exception, Kind};

/// Sessions kept at the same time; the next one is refused.
const MAX_SESSIONS: usize = 64;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// As ClickHouse's `max_session_timeout`.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a request says of its session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRequest {
    pub(crate) id: String,
    /// `session_check=1`: fail if there is no such session yet.
    pub(crate) must_exist: bool,
    pub(crate) timeout: Duration,
}

impl SessionRequest {
    pub(crate) fn new(id: String, must_exist: bool, timeout_seconds: Option<u64>) -> Result<Self, Exception> {
        let timeout = timeout_seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        if timeout > MAX_TIMEOUT {
            return Err(Exception::new(
                Kind::BadArguments,
                format_args!(
                    "session_timeout {} is larger than the maximum {}",
                    timeout.as_secs(),
                    MAX_TIMEOUT.as_secs()
                ),
            ));
        }
        Ok(Self { id, must_exist, timeout })
    }
}

/// The sessions of the full user. Each is one connection, which one statement at a time may use.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: Mutex<HashMap<String, Slot>>,
}

#[derive(Debug)]
enum Slot {
    Busy,
    Idle { connection: Connection, until: Instant },
}

impl Sessions {
    /// Takes a session for one statement. `None`: it is a new one, to be opened by the caller.
    pub(crate) fn take(
        self: &Arc<Self>,
        request: &SessionRequest,
    ) -> Result<(Option<Connection>, Taken), Exception> {
        let mut sessions = lock(&self.by_id);
        drop_expired(&mut sessions);
        let id = &request.id;
        let connection = match sessions.remove(id) {
            Some(Slot::Busy) => {
                sessions.insert(id.clone(), Slot::Busy);
                return Err(Exception::new(
                    Kind::SessionIsLocked,
                    format_args!("Session {id} is locked by a concurrent client"),
                ));
            }
            Some(Slot::Idle { connection, .. }) => Some(connection),
            None if request.must_exist => {
                return Err(Exception::new(Kind::SessionNotFound, format_args!("Session {id} not found")));
            }
            None if sessions.len() >= MAX_SESSIONS => {
                return Err(Exception::new(
                    Kind::TooManySimultaneousQueries,
                    format_args!(
                        "there are {MAX_SESSIONS} sessions already; use fewer, or a shorter session_timeout"
                    ),
                ));
            }
            None => None,
        };
        sessions.insert(id.clone(), Slot::Busy);
        Ok((connection, Taken { sessions: self.clone(), request: request.clone() }))
    }

    /// Closes sessions that nobody used for their time.
    pub(crate) fn expire(&self) {
        drop_expired(&mut lock(&self.by_id));
    }

    /// Closes them all, for a stop.
    pub(crate) fn clear(&self) {
        lock(&self.by_id).clear();
    }
}

/// A session in use. Dropped without [`Taken::give_back`], the session ends.
#[derive(Debug)]
pub(crate) struct Taken {
    sessions: Arc<Sessions>,
    request: SessionRequest,
}

impl Taken {
    pub(crate) fn give_back(self, connection: Connection) {
        let until = Instant::now() + self.request.timeout;
        lock(&self.sessions.by_id).insert(self.request.id.clone(), Slot::Idle { connection, until });
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut sessions = lock(&self.sessions.by_id);
        if matches!(sessions.get(&self.request.id), Some(Slot::Busy)) {
            sessions.remove(&self.request.id);
        }
    }
}

fn drop_expired(sessions: &mut HashMap<String, Slot>) {
    let now = Instant::now();
    sessions.retain(|_, slot| !matches!(slot, Slot::Idle { until, .. } if *until <= now));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
