//! What can be set. Each setting is a flag, a variable and a default; `log-center serve --help` prints them.

use crate::event::retention::Retention;
use crate::number::ServerId;
use crate::spool::limits::DEFAULT_MAX_BYTES;
use clap::Args;
use log_center_engine::site::Hosts;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// The settings as they are typed.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Where the API listens. Port 0 takes any free port.
    #[arg(long, env = "LOG_CENTER_API_ADDR", default_value = "127.0.0.1:8002", value_name = "ADDR")]
    pub api_addr: SocketAddr,

    /// Where the dashboard listens.
    #[arg(long, env = "LOG_CENTER_DASHBOARD_ADDR", default_value = "127.0.0.1:8003", value_name = "ADDR")]
    pub dashboard_addr: SocketAddr,

    /// Where the embedded ClickHouse listens (its HTTP interface). Unused with --clickhouse-url.
    #[arg(long, env = "LOG_CENTER_ENGINE_ADDR", default_value = "127.0.0.1:8123", value_name = "ADDR")]
    pub engine_addr: SocketAddr,

    /// Names of this machine by which it may be asked, separated by commas; IP addresses and `localhost` always work. Reports
    /// and records may be sent to it by any name.
    #[arg(
        long,
        env = "LOG_CENTER_HOSTS",
        default_value = "",
        hide_default_value = true,
        value_name = "NAMES"
    )]
    pub hosts: Hosts,

    /// Where everything lies that must survive: the spool, and the embedded ClickHouse.
    #[arg(long, env = "LOG_CENTER_DATA_DIR", default_value = "./data", value_name = "DIR")]
    pub data_dir: PathBuf,

    /// A ClickHouse to use instead of the embedded one: `http://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_URL", value_name = "URL")]
    pub clickhouse_url: Option<String>,

    /// User of that ClickHouse, if the URL names none.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_USER", value_name = "NAME")]
    pub clickhouse_user: Option<String>,

    /// Password of that user, if the URL holds none.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_PASSWORD", value_name = "WORD", hide_env_values = true)]
    pub clickhouse_password: Option<String>,

    /// Who asks that ClickHouse the statements of `POST /api/v1/sql`: a user who may only SELECT from the database. Without
    /// it, the user above asks them, with `readonly=1`.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_READER_USER", value_name = "NAME")]
    pub clickhouse_reader_user: Option<String>,

    /// Password of that user.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_READER_PASSWORD", value_name = "WORD", hide_env_values = true)]
    pub clickhouse_reader_password: Option<String>,

    /// The file with the password that lets others than this server write to the embedded ClickHouse. Default:
    /// `clickhouse.password` in the data directory, made at the first start. Without a password everybody may read.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_PASSWORD_FILE", value_name = "FILE")]
    pub clickhouse_password_file: Option<PathBuf>,

    /// The database, if the URL names none. Made if it does not exist.
    #[arg(long, env = "LOG_CENTER_CLICKHOUSE_DATABASE", value_name = "NAME")]
    pub clickhouse_database: Option<String>,

    /// The library that holds the embedded ClickHouse. Default: beside the program, then below .tools/libchdb.
    #[arg(long, env = "LOG_CENTER_LIBCHDB", value_name = "FILE")]
    pub libchdb: Option<PathBuf>,

    /// How much memory the embedded ClickHouse may take, in bytes. Default: what the engine thinks right, 1 GiB.
    #[arg(long, env = "LOG_CENTER_ENGINE_MEMORY_BYTES", value_name = "BYTES")]
    pub engine_memory_bytes: Option<u64>,

    /// After how many seconds without any answer the embedded ClickHouse is taken for hung, killed and started again.
    #[arg(long, env = "LOG_CENTER_ENGINE_HUNG_SECONDS", default_value_t = 60, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub engine_hung_seconds: u64,

    /// Which server this is of those that write to one ClickHouse, from 0 to 2047: no two of them may have the same. It is
    /// kept in the data directory.
    #[arg(long, env = "LOG_CENTER_SERVER_ID", default_value = "0", value_name = "NUMBER")]
    pub server_id: ServerId,

    /// Start although the data directory was last used with another --server-id. Right if no server has that id any more.
    #[arg(long, env = "LOG_CENTER_TAKE_OVER", action = clap::ArgAction::SetTrue)]
    pub take_over: bool,

    /// How many bytes may wait for ClickHouse on disk. Beyond it reports are answered with 503.
    #[arg(long, env = "LOG_CENTER_SPOOL_MAX_BYTES", default_value_t = DEFAULT_MAX_BYTES, value_name = "BYTES")]
    pub spool_max_bytes: u64,

    /// For how many days events are kept, by project and scope: `400, shop=90, */stat=14, shop/biz=1000`. A number
    /// alone is for all others; the rule that says more wins. Holds for events that come from now on.
    #[arg(long, env = "LOG_CENTER_RETENTION", default_value = "400", value_name = "RULES")]
    pub retention: Retention,

    /// How long a stop may take, in seconds: for open requests, and for what waits for ClickHouse. What is not written
    /// by then is kept and written after the next start.
    #[arg(long, env = "LOG_CENTER_SHUTDOWN_SECONDS", default_value_t = 15, value_name = "SECONDS")]
    pub shutdown_seconds: u64,

    /// Listen on addresses that other machines can reach, although nobody who calls has to show a key.
    #[arg(long, env = "LOG_CENTER_ALLOW_REMOTE", action = clap::ArgAction::SetTrue)]
    pub allow_remote: bool,
}

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// As they were typed.
    pub args: ServeArgs,
    /// Where ClickHouse is.
    pub clickhouse: ClickHouse,
}

/// Where ClickHouse is.
#[derive(Clone)]
pub struct ClickHouse {
    /// `http://host:port`, or `None` for the embedded one.
    pub url: Option<String>,
    /// User, or empty.
    pub user: String,
    /// Password, or empty.
    pub password: String,
    /// Who asks the statements of analysts, with the password; `None` for the user above.
    pub reader: Option<(String, String)>,
    /// Database.
    pub database: String,
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password: this may be printed.
        f.debug_struct("ClickHouse")
            .field("url", &self.url)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// Who may only read from the embedded ClickHouse, without a password.
pub(crate) const EMBEDDED_READER: &str = "reader";

/// The database unless another is named.
pub const DEFAULT_DATABASE: &str = "log_center";

/// ClickHouse's own, in which nobody else makes tables.
const OWN_DATABASES: [&str; 2] = ["system", "information_schema"];

/// The least that a spool may be limited to, in bytes: one batch of records fits.
const LEAST_SPOOL_BYTES: u64 = 64 << 10;

/// The least memory with which the embedded ClickHouse takes the largest batches: 256 MiB. With half of it some never arrive.
const LEAST_ENGINE_BYTES: u64 = 256 << 20;

/// Which setting cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl ServeArgs {
    /// Checks what a single setting cannot know.
    ///
    /// # Errors
    /// Names the setting.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        if !self.allow_remote {
            refuse_remote("--api-addr (LOG_CENTER_API_ADDR)", self.api_addr)?;
            refuse_remote("--dashboard-addr (LOG_CENTER_DASHBOARD_ADDR)", self.dashboard_addr)?;
            refuse_remote("--engine-addr (LOG_CENTER_ENGINE_ADDR)", self.engine_addr)?;
        }
        if self.spool_max_bytes < LEAST_SPOOL_BYTES {
            return Err(ConfigError(format!(
                "--spool-max-bytes (LOG_CENTER_SPOOL_MAX_BYTES) is {}; it must be at least {LEAST_SPOOL_BYTES}",
                self.spool_max_bytes
            )));
        }
        if let Some(bytes) = self.engine_memory_bytes.filter(|bytes| *bytes < LEAST_ENGINE_BYTES) {
            return Err(ConfigError(format!(
                "--engine-memory-bytes (LOG_CENTER_ENGINE_MEMORY_BYTES) is {bytes}; it must be at least {LEAST_ENGINE_BYTES}"
            )));
        }
        let clickhouse = ClickHouse::resolve(&self)?;
        let of_embedded = [
            ("--engine-memory-bytes (LOG_CENTER_ENGINE_MEMORY_BYTES)", self.engine_memory_bytes.is_some()),
            (
                "--clickhouse-password-file (LOG_CENTER_CLICKHOUSE_PASSWORD_FILE)",
                self.clickhouse_password_file.is_some(),
            ),
        ];
        if let Some((setting, _)) = of_embedded.iter().find(|(_, is_set)| *is_set && clickhouse.url.is_some())
        {
            return Err(ConfigError(format!(
                "{setting} is for the embedded ClickHouse, and --clickhouse-url (LOG_CENTER_CLICKHOUSE_URL) names another; \
                 leave one of them out"
            )));
        }
        let mut addresses = vec![
            ("--api-addr (LOG_CENTER_API_ADDR)", self.api_addr),
            ("--dashboard-addr (LOG_CENTER_DASHBOARD_ADDR)", self.dashboard_addr),
        ];
        if clickhouse.url.is_none() {
            addresses.push(("--engine-addr (LOG_CENTER_ENGINE_ADDR)", self.engine_addr));
        }
        refuse_same_port(&addresses)?;
        Ok(Config { args: self, clickhouse })
    }
}

impl ClickHouse {
    fn resolve(args: &ServeArgs) -> Result<Self, ConfigError> {
        // Both the names and the values as they were typed; a password may be empty.
        let user = Given::new("--clickhouse-user (LOG_CENTER_CLICKHOUSE_USER)", &args.clickhouse_user);
        let password =
            Given::new("--clickhouse-password (LOG_CENTER_CLICKHOUSE_PASSWORD)", &args.clickhouse_password);
        let reader = Given::new(
            "--clickhouse-reader-user (LOG_CENTER_CLICKHOUSE_READER_USER)",
            &args.clickhouse_reader_user,
        );
        let reader_password = Given::new(
            "--clickhouse-reader-password (LOG_CENTER_CLICKHOUSE_READER_PASSWORD)",
            &args.clickhouse_reader_password,
        );
        let database =
            Given::new("--clickhouse-database (LOG_CENTER_CLICKHOUSE_DATABASE)", &args.clickhouse_database);
        let url = Given::new("--clickhouse-url (LOG_CENTER_CLICKHOUSE_URL)", &args.clickhouse_url);
        for given in [&url, &user, &reader, &database] {
            given.refuse_empty()?;
        }
        let mut clickhouse = Self {
            url: None,
            user: user.value.unwrap_or_default().to_owned(),
            password: password.value.unwrap_or_default().to_owned(),
            reader: Some((EMBEDDED_READER.to_owned(), String::new())),
            database: database.value.unwrap_or(DEFAULT_DATABASE).to_owned(),
        };
        let Some(text) = url.value else {
            for given in [&user, &password, &reader, &reader_password] {
                given.refuse_without("--clickhouse-url (LOG_CENTER_CLICKHOUSE_URL)")?;
            }
            return clickhouse.check_database(database.setting);
        };
        if reader.value.is_none() {
            reader_password.refuse_without(reader.setting)?;
        }
        if user.value.is_none() && password.value.is_some_and(|word| !word.is_empty()) && !names_user(text) {
            password.refuse_without(user.setting)?;
        }
        clickhouse.take_url(text, [&user, &password, &database])?;
        clickhouse.reader =
            reader.value.map(|name| (name.to_owned(), reader_password.value.unwrap_or_default().to_owned()));
        let setting = if database.value.is_some() { database.setting } else { url.setting };
        clickhouse.check_database(setting)
    }

    fn check_database(self, setting: &str) -> Result<Self, ConfigError> {
        let name = &self.database;
        if OWN_DATABASES.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return Err(ConfigError(format!(
                "{setting}: {name:?} is ClickHouse's own database; name another"
            )));
        }
        if name.trim().is_empty() || name.contains(['`', '\\', '/', '.', '\0']) {
            return Err(ConfigError(format!("{setting}: {name:?} is no name of a database")));
        }
        Ok(self)
    }

    fn take_url(
        &mut self,
        text: &str,
        [user, password, database]: [&Given<'_>; 3],
    ) -> Result<(), ConfigError> {
        // Never the text itself: it may hold a password.
        let refused = |why: &str| {
            let form = "http://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";
            ConfigError(format!("--clickhouse-url (LOG_CENTER_CLICKHOUSE_URL) {why}; it must read {form}"))
        };
        let mut url = Url::parse(text.trim()).map_err(|error| refused(&format!("is no URL: {error}")))?;
        if url.scheme() == "https" {
            return Err(refused(
                "begins with https://, which is not supported; use a connection that is safe by itself, such as a tunnel,",
            ));
        }
        if url.scheme() != "http" || url.host().is_none() || url.port() == Some(0) {
            return Err(refused("is no HTTP address"));
        }
        let decoded = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.map(|text| text.into_owned()).map_err(|_| refused("holds bytes that are not UTF-8"))
        };
        if !url.username().is_empty() {
            user.refuse_beside_url()?;
            self.user = decoded(url.username())?;
        }
        if let Some(word) = url.password() {
            password.refuse_beside_url()?;
            self.password = decoded(word)?;
        }
        let path = decoded(url.path().trim_matches('/'))?;
        let mut named = Vec::new();
        if !path.is_empty() {
            named.push(path);
        }
        for (name, value) in url.query_pairs() {
            if name != "database" {
                return Err(refused(&format!(
                    "has the parameter {name:?}, and none but `database` is known"
                )));
            }
            named.push(value.into_owned());
        }
        if named.len() > 1 {
            return Err(refused("names the database twice"));
        }
        if let Some(name) = named.pop() {
            database.refuse_beside_url()?;
            self.database = name;
        }
        if url.fragment().is_some() {
            return Err(refused("has a part after #"));
        }
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.map_err(|()| refused("cannot hold a user"))?;
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        self.url = Some(url.as_str().trim_end_matches('/').to_owned());
        Ok(())
    }
}

/// A setting as it was typed, by the names under which it is told.
struct Given<'a> {
    setting: &'static str,
    value: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn new(setting: &'static str, value: &'a Option<String>) -> Self {
        Self { setting, value: value.as_deref() }
    }

    fn refuse_empty(&self) -> Result<(), ConfigError> {
        match self.value {
            Some(value) if value.trim().is_empty() => {
                Err(ConfigError(format!("{} is empty; give it a value, or leave it out", self.setting)))
            }
            _ => Ok(()),
        }
    }

    fn refuse_without(&self, other: &str) -> Result<(), ConfigError> {
        match self.value {
            Some(_) => {
                Err(ConfigError(format!("{} is of no use without {other}; set both or none", self.setting)))
            }
            None => Ok(()),
        }
    }

    fn refuse_beside_url(&self) -> Result<(), ConfigError> {
        match self.value {
            Some(_) => Err(ConfigError(format!(
                "{} is set, and --clickhouse-url (LOG_CENTER_CLICKHOUSE_URL) says it too; say it in one place",
                self.setting
            ))),
            None => Ok(()),
        }
    }
}

fn names_user(url: &str) -> bool {
    Url::parse(url.trim()).is_ok_and(|url| !url.username().is_empty())
}

/// Port 0 is any free one, another for each.
fn refuse_same_port(addresses: &[(&str, SocketAddr)]) -> Result<(), ConfigError> {
    for (index, (setting, addr)) in addresses.iter().enumerate() {
        let same = addresses[..index].iter().find(|(_, other)| other == addr && addr.port() != 0);
        if let Some((other, _)) = same {
            return Err(ConfigError(format!(
                "{other} and {setting} are both {addr}; each needs a port of its own"
            )));
        }
    }
    Ok(())
}

fn refuse_remote(setting: &str, addr: SocketAddr) -> Result<(), ConfigError> {
    if addr.ip().is_loopback() {
        return Ok(());
    }
    Err(ConfigError(format!(
        "{setting} is {addr}, which other machines can reach, and nobody who calls has to show a key. \
         Use a loopback address behind a proxy, or say --allow-remote (LOG_CENTER_ALLOW_REMOTE=true)"
    )))
}
