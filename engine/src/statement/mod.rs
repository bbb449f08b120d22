//! Running one statement: its turn, its session, its data in, its answer out, its end.
//!
//! The HTTP side is asynchronous, libchdb is not. Each statement therefore runs on a thread of the
//! blocking pool, from its first byte to its last, and talks to the HTTP side over two bounded channels:
//! [`input`] brings the body in, [`answer`] takes the answer out. A client that reads slowly thereby
//! slows its own statement and nothing else; memory stays flat.

use std::net::IpAddr;

pub(crate) mod admission;
pub(crate) mod answer;
mod cache;
pub(crate) mod external;
pub(crate) mod failure;
pub(crate) mod input;
pub(crate) mod judge;
mod kill;
mod killer;
mod layout;
mod perform;
mod prepare;
pub(crate) mod run;
pub(crate) mod running;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod text;

/// Who sent a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum User {
    /// `default`, with the password: everything that the sandbox leaves.
    Full,
    /// Everybody else: reads, within limits.
    Reader,
}

/// Who sent a statement, as far as shares of the engine go: turns, sessions, statements that one may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// Without the password, from this address.
    Stranger(IpAddr),
    /// With the password, but to read.
    Reader,
    /// With the password.
    Writer,
}

impl Caller {
    pub(crate) fn user(self) -> User {
        match self {
            Self::Writer => User::Full,
            Self::Stranger(_) | Self::Reader => User::Reader,
        }
    }

    pub(crate) fn shows_password(self) -> bool {
        !matches!(self, Self::Stranger(_))
    }
}

/// Everything that a request said about its statement, checked as far as that goes without running it.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) query_id: String,
    pub(crate) caller: Caller,
    pub(crate) user: User,
    /// From a GET: must not change anything.
    pub(crate) read_only: bool,
    /// SQL from the URL or a form; the body follows it.
    pub(crate) sql: String,
    pub(crate) database: Option<String>,
    pub(crate) default_format: String,
    /// Settings for this statement, in force before it is parsed.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) parameters: Vec<(String, String)>,
    /// Tables that came with the request.
    pub(crate) external: Vec<external::ExternalTable>,
    pub(crate) session: Option<sessions::SessionRequest>,
    /// The revision of ClickHouse's protocol that the client reads `Native` in; 0 = none named.
    pub(crate) protocol: u64,
    /// `http_write_exception_in_output_format=1`: an error, too, is in the answer's format, where that has a place for it.
    pub(crate) errors_in_format: bool,
}

impl Statement {
    /// How long it may run by the limit that its request or its user sets, if there is one.
    pub(crate) fn time_limit(&self) -> Option<std::time::Duration> {
        let (_, value) = self.settings.iter().rev().find(|(name, _)| name == "max_execution_time")?;
        let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0)?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }
}
