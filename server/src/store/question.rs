//! Statements that somebody else wrote: asked as somebody who may only read, within limits, answered in bytes.
//!
//! ClickHouse is told `readonly=1` and the limits, and is asked as a user who can do no more if there is one. What `readonly=1` lets
//! through is refused by its words before ([`log_center_engine::check_read`]); whoever calls [`Store::ask`] has done so.

use super::{Store, StoreError, limits};
use bytes::Bytes;
use clickhouse::query::BytesCursor;

/// How the name in errors and logs reads.
const NAME: &str = "a statement of a client";

/// How values look and statements behave, whatever the user's profile says. The embedded engine's reader may set each of these.
const SETTINGS: [(&str, &str); 9] = [
    ("date_time_output_format", "iso"),
    ("output_format_json_escape_forward_slashes", "0"),
    ("output_format_json_quote_64bit_integers", "0"),
    ("output_format_json_quote_denormals", "0"),
    ("output_format_json_validate_utf8", "1"),
    ("http_write_exception_in_output_format", "0"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
    ("result_overflow_mode", "throw"),
    ("timeout_overflow_mode", "throw"),
];

/// For formats that ClickHouse holds as a whole, or in large parts, before it answers: small parts, so that the limits on memory
/// and bytes are met before much is taken.
const SMALL_PARTS: [(&str, &str); 3] = [
    ("max_block_size", "8192"),
    ("output_format_parquet_row_group_size", "65536"),
    ("output_format_parquet_row_group_size_bytes", "16777216"),
];

/// A statement that somebody else wrote, with what it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// SQL with placeholders `{name:Type}`.
    pub sql: String,
    /// Names and values of the placeholders, as ClickHouse reads values of parameters.
    pub parameters: Vec<(String, String)>,
    /// ClickHouse's name of a format.
    pub format: &'static str,
    /// How long it may run, in seconds.
    pub seconds: u32,
    /// ClickHouse stops after so many rows; of each part, if it is a UNION.
    pub rows: u32,
    /// More rows than this are an error.
    pub rows_max: u32,
    /// A larger answer is an error, in bytes as it lies in ClickHouse's memory.
    pub bytes_max: u64,
    /// Whether the format is one that has to be made in small parts.
    pub in_small_parts: bool,
}

/// The answer to a [`Question`], as it comes. Dropping it before its end ends the statement.
pub struct Answer(BytesCursor);

impl Store {
    /// Asks a question. Nothing is known of its success before the first [`Answer::next`].
    ///
    /// # Errors
    /// ClickHouse's address is none.
    pub fn ask(&self, question: &Question) -> Result<Answer, StoreError> {
        let mut query = self.reader.query_raw(&question.sql);
        let small_parts = SMALL_PARTS.into_iter().filter(|_| question.in_small_parts);
        for (name, value) in SETTINGS.into_iter().chain(small_parts) {
            query = query.with_setting(name, value);
        }
        for (name, value) in [
            ("max_execution_time", u64::from(question.seconds)),
            ("max_memory_usage", limits::SQL_MEMORY_BYTES),
            ("max_result_rows", question.rows_max.into()),
            ("max_result_bytes", question.bytes_max),
            ("limit", question.rows.into()),
            ("readonly", 1),
        ] {
            query = query.with_setting(name, value.to_string());
        }
        for (name, value) in &question.parameters {
            query = query.with_setting(format!("param_{name}"), value);
        }
        query.fetch_bytes(question.format).map(Answer).map_err(failed)
    }
}

impl Answer {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// ClickHouse refused the statement, gave it up, or is away.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        self.0.next().await.map_err(failed)
    }
}

fn failed(source: clickhouse::error::Error) -> StoreError {
    StoreError::Query { statement: NAME.to_owned(), source }
}
