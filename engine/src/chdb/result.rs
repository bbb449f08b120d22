#![expect(unsafe_code, reason = "calls libchdb")]

use std::ffi::CStr;

use super::Connection;
use super::library::{Library, RawResult};
use crate::exception::{Exception, Kind};

/// What a statement read and wrote so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
    pub(crate) result_rows: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read_rows += other.read_rows;
        self.read_bytes += other.read_bytes;
        self.written_rows += other.written_rows;
        self.written_bytes += other.written_bytes;
        self.result_rows += other.result_rows;
    }
}

/// A result that libchdb holds in its memory until dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    library: &'static Library,
    raw: RawResult,
}

impl Answer {
    /// Takes over what a call returned; an error in it becomes the `Err`.
    pub(super) fn own(library: &'static Library, raw: RawResult) -> Result<Self, Exception> {
        if raw.is_null() {
            return Err(Exception::new(Kind::UnknownException, "the engine gave no result"));
        }
        let answer = Self { library, raw };
        // SAFETY: `raw` is a live result; the text lives as long and is copied here.
        let error = unsafe { (library.result_error)(raw) };
        if error.is_null() {
            return Ok(answer);
        }
        // SAFETY: not null, and libchdb ends the text with a zero byte.
        let text = unsafe { CStr::from_ptr(error) }.to_string_lossy();
        Err(Exception::from_engine(&text))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `raw` is a live result; the buffer holds `length` bytes until it is destroyed.
        unsafe {
            let (start, length) =
                ((self.library.result_buffer)(self.raw), (self.library.result_length)(self.raw));
            if start.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(start, length) }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        // SAFETY: `raw` is a live result; the calls read numbers from it.
        unsafe {
            Counts {
                read_rows: (self.library.result_read_rows)(self.raw),
                read_bytes: (self.library.result_read_bytes)(self.raw),
                written_rows: (self.library.result_written_rows)(self.raw),
                written_bytes: (self.library.result_written_bytes)(self.raw),
                result_rows: (self.library.result_rows)(self.raw),
            }
        }
    }

    /// The answer as text, without the line end; for the engine's own questions.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).trim_end().to_owned()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed only here.
        unsafe { (self.library.result_destroy)(self.raw) }
    }
}

/// The answer of a running SELECT, block by block. Dropping it before its end cancels the statement.
#[derive(Debug)]
pub(crate) struct Rows<'connection> {
    connection: &'connection mut Connection,
    handle: Answer,
    ended: bool,
}

impl<'connection> Rows<'connection> {
    pub(super) fn new(connection: &'connection mut Connection, handle: Answer) -> Self {
        Self { connection, handle, ended: false }
    }

    /// The next formatted block; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, Exception> {
        if self.ended {
            return Ok(None);
        }
        // SAFETY: both are live, and `&mut` keeps the calls one after another.
        let raw = unsafe { (self.connection.library.stream_fetch)(self.connection.raw(), self.handle.raw) };
        let block = Answer::own(self.connection.library, raw).inspect_err(|_| self.ended = true)?;
        self.ended = block.bytes().is_empty();
        Ok((!self.ended).then_some(block))
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: both are live, and nothing else runs on the connection.
            unsafe {
                (self.connection.library.stream_cancel)(self.connection.raw(), self.handle.raw);
            }
        }
    }
}

/// Whether libchdb refused to stream a statement, before running any of it, because it is not a SELECT.
pub(crate) fn is_not_streamable(exception: &Exception) -> bool {
    exception.text().starts_with("Code: 36. DB::Exception: Streaming query is not supported for query")
}
