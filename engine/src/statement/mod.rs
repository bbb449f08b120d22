//! Running one statement: its turn, its session, its data in, its answer out, its end.
//!
//! The HTTP side is asynchronous, libchdb is not. Each statement therefore runs on a thread of the
//! blocking pool, from its first byte to its last, and talks to the HTTP side over two bounded channels:
//! [`input`] brings the body in, [`answer`] takes the answer out. A client that reads slowly thereby
//! slows its own statement and nothing else; memory stays flat.

pub(crate) mod admission;
pub(crate) mod answer;
mod cache;
pub(crate) mod external;
pub(crate) mod input;
pub(crate) mod judge;
mod layout;
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

/// Everything that a request said about its statement, checked as far as that goes without running it.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) query_id: String,
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
}
