//! Which settings a request may bring.

use std::collections::HashSet;

use super::{User, judge};
use crate::Options;
use crate::chdb::Engine;
use crate::exception::{Exception, Kind};
use crate::sql::judge::{FILTERS, allows_setting};

/// The settings that ClickHouse knows, and the limits that bind readers.
#[derive(Debug)]
pub(crate) struct Settings {
    known: HashSet<String>,
    /// The default of `max_memory_usage` for the full user.
    max_memory_usage: u64,
    reader: Vec<(&'static str, u64)>,
}

impl Settings {
    /// Asks the engine for the names.
    pub(crate) fn load(engine: &Engine, options: &Options) -> Result<Self, Exception> {
        let names =
            engine.connect(&[])?.query("SELECT name FROM system.settings", "TabSeparatedRaw", &[])?.text();
        Ok(Self {
            known: names.lines().map(str::to_owned).collect(),
            max_memory_usage: options.max_memory_bytes / STATEMENT_MEMORY_SHARE,
            reader: judge::limits(options),
        })
    }

    /// Whether a URL parameter of this name is a setting.
    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// The settings a statement's session begins with.
    ///
    /// A reader's are its limits and what [`allows_setting`] lets through; `readonly` comes last and binds
    /// the session for good.
    pub(crate) fn resolve(
        &self,
        user: User,
        read_only: bool,
        asked: Vec<(String, String)>,
        query_id: &str,
    ) -> Result<Vec<(String, String)>, Exception> {
        for (name, _) in &asked {
            if !self.is_known(name) {
                return Err(Exception::new(
                    Kind::UnknownSetting,
                    format_args!(
                        "Setting {name} is neither a builtin setting nor a parameter of this interface"
                    ),
                ));
            }
        }
        let mut settings: Vec<(String, String)> =
            NO_RETRIES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings.extend(match user {
            User::Full => self.for_full(read_only, asked),
            User::Reader => self.for_reader(asked)?,
        });
        settings.push(("log_comment".to_owned(), query_id.to_owned()));
        Ok(settings)
    }

    fn for_full(&self, read_only: bool, asked: Vec<(String, String)>) -> Vec<(String, String)> {
        let mut settings = vec![("max_memory_usage".to_owned(), self.max_memory_usage.to_string())];
        settings.extend(asked.into_iter().filter(|(name, _)| name != "log_comment"));
        let already = settings.iter().any(|(name, value)| name == "readonly" && value != "0");
        if read_only && !already {
            settings.retain(|(name, _)| name != "readonly");
            settings.push(("readonly".to_owned(), "2".to_owned()));
        }
        settings
    }

    fn for_reader(&self, asked: Vec<(String, String)>) -> Result<Vec<(String, String)>, Exception> {
        let mut settings: Vec<(String, String)> =
            self.reader.iter().map(|(name, limit)| ((*name).to_owned(), limit.to_string())).collect();
        for (name, value) in asked {
            match settings.iter_mut().find(|(limited, _)| *limited == name) {
                Some((_, limit)) => *limit = lowered(&name, limit, &value)?,
                None if allows_setting(&name, &value) == Some(true) => settings.push((name, value)),
                None if allows_setting(&name, &value) == Some(false) => {
                    return Err(Exception::new(
                        Kind::Readonly,
                        format_args!("the value {value:?} of the setting {name} is not allowed to a reader"),
                    ));
                }
                // It is judged with the statement.
                None if name == FILTERS => settings.push((name, value)),
                None if is_ignored(&name) => {}
                // What is set below in any case.
                None if OVERFLOW_MODES.contains(&name.as_str()) && value == "throw" => {}
                None => {
                    return Err(Exception::new(
                        Kind::Readonly,
                        format_args!("Cannot modify '{name}' setting in readonly mode"),
                    ));
                }
            }
        }
        settings.extend(OVERFLOW_MODES.map(|name| (name.to_owned(), "throw".to_owned())));
        settings.push(("readonly".to_owned(), "1".to_owned()));
        Ok(settings)
    }
}

/// One statement gets half of the memory unless it asks for more, so that a hungry one fails before it makes
/// everybody's inserts fail.
const STATEMENT_MEMORY_SHARE: u64 = 2;

/// The sandbox lets no connection out. ClickHouse would try again for minutes, and cannot be cancelled
/// while it does.
const NO_RETRIES: [(&str, &str); 4] = [
    ("http_max_tries", "1"),
    ("s3_retry_attempts", "0"),
    ("s3_max_connections", "1"),
    ("connections_with_failover_max_tries", "1"),
];

/// Sent by clients as a matter of course, to all servers or for statements of all kinds; nothing that a reader does depends on them.
const IGNORED_FOR_READERS: [&str; 14] = [
    "async_insert",
    "async_insert_busy_timeout_ms",
    "cancel_http_readonly_queries_on_client_close",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "insert_deduplicate",
    "insert_quorum",
    "log_comment",
    "log_queries",
    "readonly",
    "select_sequential_consistency",
    "send_progress_in_http_headers",
    "wait_for_async_insert",
    "wait_for_async_insert_timeout",
];

fn is_ignored(name: &str) -> bool {
    IGNORED_FOR_READERS.contains(&name)
}

/// What a reader's statement does at a limit: it fails, whatever else it might wish.
const OVERFLOW_MODES: [&str; 2] = ["result_overflow_mode", "timeout_overflow_mode"];

/// A reader's own limit, if it is a tighter one. Zero means none and is not tighter.
fn lowered(name: &str, limit: &str, asked: &str) -> Result<String, Exception> {
    let wrong = || Exception::new(Kind::BadArguments, format_args!("{name} must be a number, not {asked:?}"));
    let asked_number: f64 = asked.parse().map_err(|_| wrong())?;
    let limit_number: f64 = limit.parse().map_err(|_| wrong())?;
    if !asked_number.is_finite() || asked_number < 0.0 {
        return Err(wrong());
    }
    if asked_number > 0.0 && asked_number < limit_number {
        return Ok(asked.to_owned());
    }
    if asked_number == limit_number {
        return Ok(limit.to_owned());
    }
    Err(Exception::new(
        Kind::Readonly,
        format_args!("{name} of a reader is limited to {limit} and can only be lowered"),
    ))
}
