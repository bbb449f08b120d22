//! ClickHouse: the connection, the migrations, the named statements and their row types.
//!
//! [`Store::migrate`] brings a database to the schema of this program. After that the reading half of the API asks
//! through the nouns here ([`issue`], [`occurrence`], [`transition`], [`record`], [`request`],
//! [`request_list`]): each runs a statement from `sql/` with its
//! parameters bound by the server of ClickHouse, under the limits in [`limits`], and gives rows that are also the
//! JSON answers. `derived` tells the writer what hangs on `event_store`.
//!
//! Invariant: nothing that came from outside becomes part of a statement's text.

pub(crate) mod derived;
mod error;
pub mod event;
pub mod event_count;
pub mod issue;
pub mod limits;
mod migrations;
pub mod occurrence;
pub mod place;
pub mod record;
pub mod request;
pub mod request_list;
mod statement;
pub mod transition;
pub mod value;

pub use error::StoreError;
pub use migrations::Applied;

use clickhouse::Client;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Names the database with every statement.
    client: Client,
    /// Names none: for the time when there is no database yet.
    server: Client,
    database: String,
    /// From which time on `event_count_store` has all events, in milliseconds since 1970.
    counted_from: Arc<OnceCell<i64>>,
}

impl Store {
    /// A store behind ClickHouse's HTTP interface at `url` (`http://host:port`). Nothing is connected yet.
    pub fn new(url: &str, user: &str, password: &str, database: &str) -> Self {
        let mut server = Client::default().with_url(url);
        if !user.is_empty() {
            server = server.with_user(user);
        }
        if !password.is_empty() {
            server = server.with_password(password);
        }
        let client = server.clone().with_database(database);
        Self { client, server, database: database.to_owned(), counted_from: Arc::default() }
    }

    /// The client whose statements run in the database.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }
}
