//! What ClickHouse says of a statement, as an answer.

use super::request::Format;
use crate::error::{ApiError, RETRY_AFTER_SECONDS};
use crate::store::limits;
use crate::store::question::JudgeError;
use crate::store::{Cause, StoreError};
use log_center_engine::judge::{self, Refusal};

/// What becomes of a failed statement.
pub(super) fn answer(error: StoreError, format: Format) -> ApiError {
    error.exception().and_then(|text| exception(text, format)).unwrap_or_else(|| error.into())
}

/// What becomes of a statement that is not asked.
pub(super) fn judged(error: JudgeError, format: Format) -> ApiError {
    match error {
        JudgeError::Refused(refusal) => refused(&refusal),
        JudgeError::Format => format_named(),
        JudgeError::Store(error) => answer(error, format),
    }
}

/// The answer to a statement that does more than read.
pub(super) fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::UnknownFunction(_) => "bad_statement",
        _ => "not_allowed",
    };
    limit(code, "query", refusal.to_string())
}

/// The answer to a statement that names a format.
pub(super) fn format_named() -> ApiError {
    limit("not_allowed", "query", "FORMAT is not allowed here; the field format says it".to_owned())
}

/// The answer when the time is over.
pub(super) fn time_is_over(seconds: u32) -> ApiError {
    limit(
        "time_limit",
        "timeout_seconds",
        format!(
            "the statement and its answer took longer than {seconds} s; timeout_seconds can be {} at most",
            limits::SQL_SECONDS_MAX
        ),
    )
}

/// The answer when there is more of it than may be.
pub(super) fn too_large(format: Format) -> ApiError {
    limit("bytes_limit", "query", format!("the answer is larger than {} MiB", format.bytes_max() >> 20))
}

fn limit(code: &'static str, field: &'static str, message: String) -> ApiError {
    ApiError::Statement { code, field, message }
}

/// Reads `Code: 62. DB::Exception: … (SYNTAX_ERROR) (version …)`. `None` if it is none of these, or none that the
/// statement is to blame for.
fn exception(text: &str, format: Format) -> Option<ApiError> {
    let (code, said) = text.strip_prefix("Code: ")?.split_once(". ")?;
    let code: u32 = code.parse().ok()?;
    let said = message(said);
    let cause = Cause::of_exception(code);
    // A table that is not there may be one of somebody else's that was guessed at.
    let said = if cause == Cause::Empty { judge::without_guess(&said).into_owned() } else { said };
    Some(match (code, cause) {
        (158 | 396, _) if said.contains("rows") => limit("rows_limit", "max_rows", said),
        (307 | 396, _) => too_large(format),
        // TIMEOUT_EXCEEDED, TOO_SLOW
        (159 | 160, _) => limit("time_limit", "timeout_seconds", said),
        // What ClickHouse as a whole may take is used up. Where it may take little, no statement meets a limit of its own first.
        (_, Cause::Memory) if said.contains("(total)") => limit(
            "memory_limit",
            "query",
            format!(
                "the statement needs more memory than ClickHouse has left; ask for less, or later: {said}"
            ),
        ),
        (_, Cause::Memory) => limit(
            "memory_limit",
            "query",
            format!("the statement needs more than {} MiB: {said}", limits::SQL_MEMORY_BYTES >> 20),
        ),
        // READONLY, DATABASE_ACCESS_DENIED, UNKNOWN_ACCESS_TYPE and its kin, ACCESS_DENIED
        (164 | 291 | 358 | 446 | 452 | 497, _) => limit("not_allowed", "query", said),
        // TOO_MANY_SIMULTANEOUS_QUERIES
        (202, _) => busy(said),
        // ABORTED, QUERY_WAS_CANCELLED: by a stop.
        (236 | 394, _) => return None,
        // A value that the statement itself gave to be read, not one of a table.
        (_, Cause::PartBroken) if !PART_MARKS.iter().any(|mark| text.contains(mark)) => bad_statement(said),
        // Nothing that the statement could do about.
        (_, Cause::PartBroken | Cause::Refused | Cause::Busy | Cause::TimedOut | Cause::Unreachable) => {
            return None;
        }
        // A table that is not there may be one that was misspelt.
        (_, Cause::Empty | Cause::Defect | Cause::Other) => bad_statement(said),
    })
}

/// What ClickHouse says in every error about a part of a table.
const PART_MARKS: [&str; 2] = ["while reading from part", "data part"];

fn bad_statement(message: String) -> ApiError {
    limit("bad_statement", "query", message)
}

fn busy(said: String) -> ApiError {
    ApiError::Unavailable {
        code: "overloaded",
        message: format!("ClickHouse is busy: {said}"),
        retry_after_seconds: RETRY_AFTER_SECONDS,
    }
}

/// ClickHouse's words without its version, stack and length.
fn message(said: &str) -> String {
    // ClickHouse's parser was asked with a statement of this program, of which nobody needs to know.
    let said = &judge::syntax_error(said);
    // One may be inside of another.
    let said = said.rsplit("DB::Exception: ").next().unwrap_or(said);
    let said = said.split("Stack trace").next().unwrap_or(said);
    let said = said.rsplit_once(" (version ").map_or(said, |(said, _)| said).trim_end();
    let mut end = said.len().min(limits::SQL_MESSAGE_BYTES);
    while !said.is_char_boundary(end) {
        end -= 1;
    }
    if end < said.len() { format!("{} …", &said[..end]) } else { said.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{ApiError, Format, exception};

    /// The code and message of what ClickHouse says; `None` if the statement is not to blame.
    #[track_caller]
    fn check(said: &str, expected: Option<(&str, &str)>) {
        let found = exception(said, Format::Json).map(|error| match error {
            ApiError::Statement { code, message, .. } => (code, message),
            other => panic!("{other:?}"),
        });
        assert_eq!(found.as_ref().map(|(code, message)| (*code, message.as_str())), expected, "{said}");
    }

    #[test]
    fn only_a_part_of_a_table_is_a_damaged_part() {
        check(
            "Code: 33. DB::Exception: Cannot read all data. Bytes read: 1. (CANNOT_READ_ALL_DATA) (version 26.7.2.1)",
            Some(("bad_statement", "Cannot read all data. Bytes read: 1. (CANNOT_READ_ALL_DATA)")),
        );
        check(
            "Code: 33. DB::Exception: Cannot read all data: (while reading column a): (while reading from part /d/all_1_1_0/ in table \
             d.t). (CANNOT_READ_ALL_DATA)",
            None,
        );
    }

    #[test]
    fn no_other_table_is_guessed_at() {
        check(
            "Code: 60. DB::Exception: Table a.evnts does not exist. Maybe you meant theirs.events?. (UNKNOWN_TABLE) (version 26.7.2.1)",
            Some(("bad_statement", "Table a.evnts does not exist.. (UNKNOWN_TABLE)")),
        );
    }
}
