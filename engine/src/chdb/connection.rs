#![expect(unsafe_code, reason = "calls libchdb")]

use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;

use super::insert::Insert;
use super::library::{Library, RawConnection, Start};
use super::result::{Answer, Rows};
use crate::exception::Exception;

/// Values for the placeholders `{name:Type}` of a statement, bound by ClickHouse, never put into SQL.
pub(crate) type Parameters = [(String, String)];

/// One session on the engine. Closed, and whatever ran on it ended, when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) library: &'static Library,
    outer: NonNull<RawConnection>,
}

// SAFETY: libchdb guards a session with its own mutex and ties nothing to a thread between calls; `&mut`
// on every call keeps it to one thread at a time.
unsafe impl Send for Connection {}

impl Connection {
    /// `None` if the engine cannot start or refuses an argument.
    pub(super) fn open(library: &'static Library, arguments: &[CString]) -> Option<Self> {
        let pointers: Vec<*const c_char> = arguments.iter().map(|argument| argument.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `count` valid C strings that outlive the call.
        let outer = unsafe { (library.connect)(count, pointers.as_ptr()) };
        NonNull::new(outer).map(|outer| Self { library, outer })
    }

    pub(super) fn raw(&self) -> RawConnection {
        // SAFETY: `outer` points to the connection until `drop`.
        unsafe { *self.outer.as_ptr() }
    }

    /// Runs a statement to its end and holds the whole answer in memory.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<Answer, Exception> {
        let raw = self.start(self.library.query, sql, format, parameters);
        Answer::own(self.library, raw)
    }

    /// Starts a SELECT whose answer is fetched block by block. Other statements are refused untouched;
    /// see [`is_not_streamable`](super::result::is_not_streamable).
    pub(crate) fn stream(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<Rows<'_>, Exception> {
        let raw = self.start(self.library.stream, sql, format, parameters);
        let handle = Answer::own(self.library, raw)?;
        Ok(Rows::new(self, handle))
    }

    /// Starts an INSERT whose data follows. `statement` ends before its FORMAT.
    pub(crate) fn insert(
        &mut self,
        statement: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<Insert<'_>, Exception> {
        let raw = self.start(self.library.insert, statement, format, parameters);
        Insert::own(self, raw)
    }

    fn start<T>(&mut self, function: Start<T>, sql: &str, format: &str, parameters: &Parameters) -> T {
        let bound = Bound::new(parameters);
        // SAFETY: the function is the library's own; pointers and lengths belong together and outlive the call.
        unsafe {
            function(
                self.raw(),
                sql.as_ptr(),
                sql.len(),
                format.as_ptr(),
                format.len(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                parameters.len(),
            )
        }
    }

    /// Makes `database` the one that unqualified names are looked up in.
    pub(crate) fn use_database(&mut self, database: &str) -> Result<(), Exception> {
        let name = database.replace('\\', "\\\\").replace('`', "\\`");
        self.query(&format!("USE `{name}`"), "Null", &[]).map(drop)
    }

    /// Ends what is left of a stream that was not read to its end: libchdb keeps its statement, and what that holds, until
    /// the next one comes on the same connection.
    pub(crate) fn leave_stream(&mut self) -> Result<(), Exception> {
        self.query("SELECT 1", "Null", &[]).map(drop)
    }

    /// Changes settings for the rest of the session.
    pub(crate) fn set(&mut self, settings: &[(String, String)]) -> Result<(), Exception> {
        for (name, value) in settings {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            self.query(&format!("SET `{name}` = '{value}'"), "Null", &[])?;
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, closed only here; results and inserts borrow `self`, so none is left.
        unsafe { (self.library.close)(self.outer.as_ptr()) }
    }
}

/// Parameters laid out as C wants them; borrows their texts.
struct Bound {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
}

impl Bound {
    fn new(parameters: &Parameters) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}
