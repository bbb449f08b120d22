#![expect(unsafe_code, reason = "calls libchdb")]

use std::ffi::CStr;

use super::Connection;
use super::library::RawInsert;
use super::result::{Answer, Counts};
use crate::exception::{Exception, Kind};

/// A running INSERT. Its data is committed by [`Insert::commit`]; dropping it without cancels, and what
/// did not fill a block yet is not inserted.
#[derive(Debug)]
pub(crate) struct Insert<'connection> {
    connection: &'connection mut Connection,
    raw: RawInsert,
    ended: bool,
}

impl<'connection> Insert<'connection> {
    /// Takes over what the call returned; an error in it becomes the `Err`.
    pub(super) fn own(connection: &'connection mut Connection, raw: RawInsert) -> Result<Self, Exception> {
        if raw.is_null() {
            return Err(Exception::new(Kind::UnknownException, "the engine began no insert"));
        }
        let mut insert = Self { connection, raw, ended: false };
        // SAFETY: `raw` is a live insert; the text lives as long and is copied here.
        let error = unsafe { (insert.connection.library.insert_error)(raw) };
        if error.is_null() {
            return Ok(insert);
        }
        insert.ended = true;
        // SAFETY: not null, and libchdb ends the text with a zero byte.
        let text = unsafe { CStr::from_ptr(error) }.to_string_lossy();
        Err(Exception::from_engine(&text))
    }

    /// Hands over the next piece of data, cut anywhere. Waits while the engine is behind. Returns false
    /// if the insert failed already; [`Insert::commit`] then says why.
    pub(crate) fn append(&mut self, data: &[u8]) -> bool {
        // SAFETY: the insert is live; libchdb copies the bytes before it returns.
        unsafe { (self.connection.library.insert_append)(self.raw, data.as_ptr(), data.len()) == 0 }
    }

    /// Ends the data and waits until all of it is stored.
    pub(crate) fn commit(mut self) -> Result<Counts, Exception> {
        self.ended = true;
        // SAFETY: the insert is live and is not used again but to be destroyed.
        let raw = unsafe { (self.connection.library.insert_done)(self.raw) };
        Answer::own(self.connection.library, raw).map(|answer| answer.counts())
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: owned, cancelled at most once, destroyed only here.
        unsafe {
            if !self.ended {
                (self.connection.library.insert_cancel)(self.raw);
            }
            (self.connection.library.insert_destroy)(self.raw);
        }
    }
}
