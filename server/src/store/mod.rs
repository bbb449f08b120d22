//! ClickHouse: the connection, the migrations, the named statements and their row types.
//!
//! [`Store::migrate`] brings a database to the schema of this program. After that the reading half of the API asks
//! through the nouns here ([`issue`], [`occurrence`], [`transition`], [`record`], [`request`],
//! [`request_list`], [`event_count`], [`project`], [`stats`]): each runs a statement from `sql/` with its parameters
//! bound by the server of ClickHouse, under the limits in [`limits`], and gives rows that are also the
//! JSON answers. `derived` tells the writer what hangs on `event_store`, [`batch`] and `staging` bring its rows there, and
//! [`seed`] reads what a new spool must know.
//!
//! [`question`] asks what somebody else wrote, as a user who may only read.
//!
//! Invariant: nobody else speaks to ClickHouse, or knows the errors of the client. Nothing that came from outside becomes part of a statement's text, except there, where it is all of it.

pub mod around;
pub mod arrival;
pub mod batch;
mod cause;
pub(crate) mod derived;
mod error;
pub mod event;
pub mod event_count;
mod health;
pub mod issue;
pub mod issue_log;
pub mod limits;
mod migrations;
pub mod occurrence;
pub mod part;
pub mod place;
pub mod project;
pub mod question;
pub mod record;
pub mod request;
pub mod request_list;
pub mod schema;
pub mod seed;
mod server_claim;
pub(crate) mod staging;
mod statement;
pub mod stats;
pub mod transition;
pub mod value;

pub use cause::Cause;
pub use error::StoreError;
pub use migrations::Applied;

use clickhouse::{Client, Compression};
use std::sync::Arc;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard};
use url::{Host, Url};

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Names the database with every statement.
    client: Client,
    /// Names none: for the time when there is no database yet.
    server: Client,
    /// Asks what people wrote.
    reader: Client,
    /// Whether what answers there judges the statements of readers itself.
    engine_judges: bool,
    database: String,
    /// From which time on `event_count_store` has all events, in milliseconds since 1970.
    counted_from: Arc<Mutex<Option<i64>>>,
    /// Whoever inserts holds it for reading, whoever makes tables again for writing: rows that come to a table before its
    /// materialized views are there would be added up nowhere.
    whole_schema: Arc<RwLock<()>>,
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
        if is_this_machine(url) {
            // Packing costs more there than it saves.
            server = server.with_compression(Compression::None);
        }
        let client = server.clone().with_database(database);
        Self {
            reader: client.clone(),
            engine_judges: false,
            client,
            server,
            database: database.to_owned(),
            counted_from: Arc::default(),
            whole_schema: Arc::default(),
        }
    }

    /// The same, but statements of people are asked as this user, who can do no more than read.
    #[must_use]
    pub fn with_reader(self, user: &str, password: &str) -> Self {
        let reader = self.client.clone().with_user(user).with_password(password);
        Self { reader, ..self }
    }

    /// The same, but statements of people are judged by the embedded engine, as all that readers send it.
    #[must_use]
    pub fn judged_by_engine(self) -> Self {
        Self { engine_judges: true, ..self }
    }

    /// The client whose statements run in the database.
    fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until nobody makes tables, and keeps them from it until the guard is dropped.
    pub(crate) async fn whole_schema(&self) -> RwLockReadGuard<'_, ()> {
        self.whole_schema.read().await
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }
}

fn is_this_machine(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    })
}
