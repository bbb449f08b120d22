#![expect(unsafe_code, reason = "calls libchdb")]

use std::ffi::{CString, c_int};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Connection, Library};
use crate::Error;
use crate::descriptions::Descriptions;
use crate::exception::{Exception, Kind};

/// ClickHouse, running in this process on one data directory.
///
/// It stops when its last connection closes, so it keeps one open for itself.
#[derive(Debug)]
pub(crate) struct Engine {
    library: &'static Library,
    arguments: Vec<CString>,
    /// Dropped before the shutdown call; nothing runs on it.
    anchor: Mutex<Option<Connection>>,
    stopped: AtomicBool,
    descriptions: Descriptions,
}

impl Engine {
    /// Starts ClickHouse. Its threads inherit the calling thread's sandbox.
    pub(crate) fn start(
        library: &'static Library,
        data_dir: &Path,
        config: &Path,
        descriptions: Descriptions,
    ) -> Result<Self, Error> {
        let argument = |text: String| {
            CString::new(text).map_err(|error| Error::with("a path must not hold a zero byte", error))
        };
        let arguments = vec![
            argument("clickhouse".to_owned())?,
            argument(format!("--path={}", data_dir.display()))?,
            argument(format!("--config-file={}", config.display()))?,
        ];
        let anchor = Connection::open(library, &arguments).ok_or_else(|| {
            Error::new(format!(
                "ClickHouse does not start on {}; its own message, if any, is above",
                data_dir.display()
            ))
        })?;
        Ok(Self {
            library,
            arguments,
            anchor: Mutex::new(Some(anchor)),
            stopped: AtomicBool::new(false),
            descriptions,
        })
    }

    /// What of the directory's descriptions is the store's own.
    pub(crate) fn descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    /// A new session with these settings in force from its start; `readonly` among them binds it for good.
    ///
    /// The names must be known settings. Fails with ClickHouse's own words if a value does not fit.
    pub(crate) fn connect(&self, settings: &[(String, String)]) -> Result<Connection, Exception> {
        if self.stopped.load(Ordering::Acquire) {
            return Err(Exception::new(Kind::Aborted, "the engine is shutting down"));
        }
        let mut arguments = self.arguments.clone();
        // As in ClickHouse's server; libchdb would read a lone word as SELECT word.
        arguments.push(c"--implicit_select=0".to_owned());
        for (name, value) in settings {
            let argument = CString::new(format!("--{name}={value}")).map_err(|_| {
                Exception::new(Kind::BadArguments, format_args!("setting {name} holds a zero byte"))
            })?;
            arguments.push(argument);
        }
        match Connection::open(self.library, &arguments) {
            Some(connection) => Ok(connection),
            None => Err(self.explain_refusal(settings)),
        }
    }

    /// A refused connection says nothing; `SET` with the same settings says why.
    fn explain_refusal(&self, settings: &[(String, String)]) -> Exception {
        // Checked values are no reason; what is left is that a session needs memory, too.
        let unknown = || {
            Exception::new(
                Kind::MemoryLimitExceeded,
                "the engine has no room for another session; most likely its memory limit is reached",
            )
        };
        let Some(mut connection) = Connection::open(self.library, &self.arguments) else {
            return unknown();
        };
        settings
            .iter()
            .find_map(|setting| connection.set(std::slice::from_ref(setting)).err())
            .unwrap_or_else(unknown)
    }

    /// Closes ClickHouse: databases first, which ends merges and mutations, then its threads. All other
    /// connections must be closed.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last connection: closes the databases before it returns.
        drop(anchor);
        // SAFETY: may be called from any thread; refuses by itself while connections are open.
        let stopped = unsafe { (self.library.shutdown)() } == 0;
        // libchdb 26.7.3 cannot join the idle threads of its pool once an INSERT ran in them. They hold
        // nothing; `leave` ends the process without asking them.
        tracing::debug!(stopped, "ClickHouse closed");
    }
}

/// Ends the process at once, without exit handlers: libchdb's crash when any of its threads is left.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and touches no memory of the process.
    unsafe { _exit(status) }
}

unsafe extern "C" {
    fn _exit(status: c_int) -> !;
}
