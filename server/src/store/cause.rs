//! Why ClickHouse did not do what it was asked, by its own exception codes.

use super::StoreError;
use clickhouse::error::Error;

/// Why a statement failed, as far as it matters to who asked and to who runs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// There is no connection, or it was cut.
    Unreachable,
    /// It did not answer in time.
    TimedOut,
    /// It had not the memory for this statement.
    Memory,
    /// A part of a table is damaged.
    PartBroken,
    /// The database or a table is not there.
    Empty,
    /// The user, the password or what the user may do.
    Refused,
    /// It has too much to do, or has no room on its disk.
    Busy,
    /// A statement of this program, or an answer, that the other side does not understand: a defect.
    Defect,
    /// It answered with an exception that has no name here.
    Other,
}

impl Cause {
    /// What ClickHouse's exception code stands for.
    pub fn of_exception(code: u32) -> Self {
        match code {
            // SYNTAX_ERROR
            62 => Cause::Defect,
            // MEMORY_LIMIT_EXCEEDED, CANNOT_ALLOCATE_MEMORY
            241 | 173 => Cause::Memory,
            // CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, UNEXPECTED_END_OF_FILE, EXPECTED_END_OF_FILE,
            // SIZES_OF_MARKS_FILES_ARE_INCONSISTENT, UNKNOWN_CODEC, CANNOT_DECOMPRESS, CORRUPTED_DATA, NO_FILE_IN_DATA_PART,
            // UNEXPECTED_FILE_IN_DATA_PART, BAD_SIZE_OF_FILE_IN_DATA_PART, FILE_DOESNT_EXIST
            33 | 40 | 3 | 4 | 129 | 432 | 271 | 246 | 226 | 227 | 228 | 107 => Cause::PartBroken,
            // UNKNOWN_TABLE, UNKNOWN_DATABASE
            60 | 81 => Cause::Empty,
            // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED, AUTHENTICATION_FAILED, ACCESS_DENIED,
            // DATABASE_ACCESS_DENIED
            192..=195 | 516 | 497 | 291 => Cause::Refused,
            // TIMEOUT_EXCEEDED, SOCKET_TIMEOUT
            159 | 209 => Cause::TimedOut,
            // TOO_MANY_SIMULTANEOUS_QUERIES, TOO_MANY_PARTS, NOT_ENOUGH_SPACE, CANNOT_SCHEDULE_TASK
            202 | 252 | 243 | 439 => Cause::Busy,
            _ => Cause::Other,
        }
    }

    /// The code of an answer that fails for it.
    pub fn code(self) -> &'static str {
        match self {
            Cause::Unreachable | Cause::TimedOut => "store_unavailable",
            Cause::Memory => "memory_limit",
            Cause::PartBroken => "part_broken",
            Cause::Empty => "store_empty",
            Cause::Refused => "store_refused",
            Cause::Busy => "overloaded",
            Cause::Defect => "internal",
            Cause::Other => "store_failed",
        }
    }

    /// What it means, for who asked.
    pub fn message(self) -> &'static str {
        match self {
            Cause::Unreachable => "ClickHouse cannot be reached; what is reported meanwhile is kept",
            Cause::TimedOut => "ClickHouse did not answer in time; what is reported meanwhile is kept",
            Cause::Memory => {
                "ClickHouse has not enough memory for this; ask for a shorter time (since, until), fewer rows (limit), or \
                 one service or issue"
            }
            Cause::PartBroken => {
                "a part of a table in ClickHouse is damaged; its operator finds the part in the server's log"
            }
            Cause::Empty => {
                "the database or its tables are missing in ClickHouse; they are made again, and what is reported meanwhile \
                 is kept"
            }
            Cause::Refused => {
                "ClickHouse refuses this server's user or password; its operator finds more in the log"
            }
            Cause::Busy => "ClickHouse has too much to do or no room on its disk; try again",
            Cause::Defect => "a defect of the server; its log says more",
            Cause::Other => "ClickHouse refused the query; the server's log says why",
        }
    }

    /// What the operator does about it.
    pub fn action(self) -> &'static str {
        match self {
            Cause::Unreachable => {
                "See whether ClickHouse runs and LOG_CENTER_CLICKHOUSE_URL is right; the log says more."
            }
            Cause::TimedOut => "Look at the load of ClickHouse and its disk.",
            Cause::Memory => {
                "Give ClickHouse more memory (LOG_CENTER_ENGINE_MEMORY_BYTES for the embedded one)."
            }
            Cause::PartBroken => {
                "Find the part in the reason, ALTER TABLE ... DETACH PART it, and restore its rows from a backup; see \
                 docs/operations.md."
            }
            Cause::Empty => "Nothing, if it is meant to be empty; else restore the database from a backup.",
            Cause::Refused => {
                "Set LOG_CENTER_CLICKHOUSE_USER and LOG_CENTER_CLICKHOUSE_PASSWORD, or the user's grants."
            }
            Cause::Busy => "Look at the load, the number of parts and the free space of ClickHouse.",
            Cause::Defect | Cause::Other => "Read the reason; report it if ClickHouse is healthy.",
        }
    }
}

impl StoreError {
    /// Why it failed.
    pub fn cause(&self) -> Cause {
        match self {
            StoreError::Query { source, .. } => of_client(source),
            StoreError::TimedOut { .. } => Cause::TimedOut,
            StoreError::OldServer { .. }
            | StoreError::ServerIdTaken { .. }
            | StoreError::ChangedMigration { .. }
            | StoreError::UnreleasedDatabase { .. }
            | StoreError::NewerDatabase { .. } => Cause::Defect,
        }
    }
}

/// Why the client failed.
fn of_client(error: &Error) -> Cause {
    match error {
        Error::BadResponse(text) => exception_code(text).map_or(Cause::Unreachable, Cause::of_exception),
        Error::Network(_) | Error::NotEnoughData | Error::Other(_) => Cause::Unreachable,
        Error::TimedOut => Cause::TimedOut,
        _ => Cause::Defect,
    }
}

/// Reads `Code: 62. DB::Exception: …`, or the number alone, which is what the client passes on of an exception whose text
/// did not arrive. `None`: something else answered, such as a proxy.
fn exception_code(text: &str) -> Option<u32> {
    let text = text.trim();
    let Some(digits) = text.strip_prefix("Code: ") else { return text.parse().ok() };
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Cause, of_client};
    use clickhouse::error::Error;

    #[test]
    fn names_what_clickhouse_says() {
        for (text, expected) in [
            ("Code: 241. DB::Exception: (total) memory limit exceeded", Cause::Memory),
            ("Code: 246. DB::Exception: Corrupted data", Cause::PartBroken),
            ("Code: 40. DB::Exception: Checksum doesn't match", Cause::PartBroken),
            ("Code: 60. DB::Exception: Unknown table", Cause::Empty),
            ("Code: 81. DB::Exception: Database x does not exist", Cause::Empty),
            ("Code: 516. DB::Exception: Authentication failed", Cause::Refused),
            ("Code: 62. DB::Exception: Syntax error", Cause::Defect),
            ("Code: 999. DB::Exception: something new", Cause::Other),
            ("241", Cause::Memory),
            ("502 Bad Gateway", Cause::Unreachable),
            ("", Cause::Unreachable),
        ] {
            assert_eq!(of_client(&Error::BadResponse(text.to_owned())), expected, "{text}");
        }
        assert_eq!(of_client(&Error::TimedOut), Cause::TimedOut);
    }
}
