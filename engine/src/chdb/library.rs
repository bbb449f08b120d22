#![expect(unsafe_code, reason = "declares and loads a C library")]

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

use crate::Error;

/// A session, as C sees it: `chdb_connect` returns a pointer to a [`RawConnection`], the calls take the
/// connection itself, closing takes the outer pointer.
pub(super) type RawConnection = *mut c_void;
pub(super) type RawResult = *mut c_void;
pub(super) type RawInsert = *mut c_void;
pub(super) type Names = *const *const c_char;

/// What begins a statement: the connection, SQL, format, and the parameters' names and values, each with its length.
pub(super) type Start<T> = unsafe extern "C" fn(
    RawConnection,
    *const u8,
    usize,
    *const u8,
    usize,
    Names,
    *const usize,
    Names,
    *const usize,
    usize,
) -> T;

/// Declares the functions once and loads each by its own name.
macro_rules! functions {
    ($($field:ident = $symbol:literal: fn($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        /// libchdb's functions. Loaded once and never unloaded: its threads and exit handlers live as
        /// long as the process.
        #[derive(Debug)]
        pub(crate) struct Library {
            $(pub(super) $field: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl Library {
            fn resolve(loaded: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the signatures are those of chdb.h of the pinned version; the symbols
                    // outlive their `Symbol` because the library is never unloaded.
                    $($field: unsafe { *loaded.get(concat!($symbol, "\0").as_bytes())? },)*
                })
            }
        }
    };
}

functions! {
    set_signal_handlers_enabled = "chdb_set_signal_handlers_enabled": fn(c_int);
    connect = "chdb_connect": fn(c_int, *const *const c_char) -> *mut RawConnection;
    close = "chdb_close_conn": fn(*mut RawConnection);
    shutdown = "chdb_shutdown": fn() -> c_int;
    query = "chdb_query_with_params_n":
        fn(RawConnection, *const u8, usize, *const u8, usize, Names, *const usize, Names, *const usize, usize)
        -> RawResult;
    stream = "chdb_stream_query_with_params_n":
        fn(RawConnection, *const u8, usize, *const u8, usize, Names, *const usize, Names, *const usize, usize)
        -> RawResult;
    stream_fetch = "chdb_stream_fetch_result": fn(RawConnection, RawResult) -> RawResult;
    stream_cancel = "chdb_stream_cancel_query": fn(RawConnection, RawResult);
    insert = "chdb_stream_insert_with_params_n":
        fn(RawConnection, *const u8, usize, *const u8, usize, Names, *const usize, Names, *const usize, usize)
        -> RawInsert;
    insert_append = "chdb_stream_append": fn(RawInsert, *const u8, usize) -> c_int;
    insert_done = "chdb_stream_done": fn(RawInsert) -> RawResult;
    insert_cancel = "chdb_stream_cancel_insert": fn(RawInsert);
    insert_error = "chdb_stream_insert_error": fn(RawInsert) -> *const c_char;
    insert_destroy = "chdb_destroy_insert_stream": fn(RawInsert);
    result_error = "chdb_result_error": fn(RawResult) -> *const c_char;
    result_buffer = "chdb_result_buffer": fn(RawResult) -> *const u8;
    result_length = "chdb_result_length": fn(RawResult) -> usize;
    result_rows = "chdb_result_rows_read": fn(RawResult) -> u64;
    result_read_rows = "chdb_result_storage_rows_read": fn(RawResult) -> u64;
    result_read_bytes = "chdb_result_storage_bytes_read": fn(RawResult) -> u64;
    result_written_rows = "chdb_result_rows_written": fn(RawResult) -> u64;
    result_written_bytes = "chdb_result_bytes_written": fn(RawResult) -> u64;
    result_destroy = "chdb_destroy_query_result": fn(RawResult);
}

impl Library {
    /// Loads the library and keeps ClickHouse's hands off the process's signals.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, Error> {
        // SAFETY: running libchdb's initializers is what loading it is for; the file is the pinned one
        // or the operator's choice.
        let loaded = unsafe { libloading::Library::new(path) }
            .map_err(|error| Error::on_path("cannot load", path, error))?;
        let library =
            Self::resolve(&loaded).map_err(|error| Error::on_path("too old or not libchdb:", path, error))?;
        std::mem::forget(loaded);
        // SAFETY: takes a flag, and no engine runs yet, as the call demands.
        unsafe { (library.set_signal_handlers_enabled)(0) };
        Ok(Box::leak(Box::new(library)))
    }
}
