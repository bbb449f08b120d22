//! Statements that somebody else wrote: asked as somebody who may only read, within limits, answered in bytes.
//!
//! A statement is judged before it is asked ([`Store::judge`]): ClickHouse's parser says how it understood it, allow-lists of the engine
//! say whether that only reads, and what was judged is what runs. The embedded engine does so itself with every statement of a reader;
//! a remote ClickHouse does not, and is asked from here. Besides, it is told `readonly` and the limits, and is asked as a user who can
//! do no more if there is one.

use super::{Store, StoreError, limits};
use bytes::Bytes;
use clickhouse::query::BytesCursor;
use log_center_engine::judge::{self, Databases, Judged, Refusal};

/// How the name in errors and logs reads.
const NAME: &str = "a statement of a client";

/// How values look and statements behave, whatever the user's profile says. The embedded engine's reader may set each of these.
const SETTINGS: [(&str, &str); 12] = [
    // Times of answers can be given as parameters and in strings.
    ("cast_string_to_date_time_mode", "best_effort"),
    ("date_time_input_format", "best_effort"),
    ("date_time_output_format", "iso"),
    // What reads CSV takes an empty field for no value, and ClickHouse's own `\N` for a text.
    ("format_csv_null_representation", ""),
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

impl Question {
    /// The settings that its statement can lower but not raise.
    fn limits(&self) -> Vec<(&'static str, u64)> {
        let own = [
            ("max_execution_time", u64::from(self.seconds)),
            ("max_memory_usage", limits::SQL_MEMORY_BYTES),
            ("max_result_rows", self.rows_max.into()),
            ("max_result_bytes", self.bytes_max),
        ];
        own.into_iter().chain(judge::PARSER_LIMITS).collect()
    }
}

/// A question that does nothing but read. Only [`Store::judge`] makes one.
#[derive(Debug)]
pub struct JudgedQuestion {
    question: Question,
    /// Under `readonly=1` ClickHouse refuses every `SETTINGS` clause, the allowed ones, too.
    readonly: u8,
}

/// Why a question is not asked.
#[derive(Debug)]
pub enum JudgeError {
    /// It does more than read, or cannot be checked.
    Refused(Refusal),
    /// It names a format for its answer, which the question has already.
    Format,
    /// ClickHouse does not understand it, or is away.
    Store(StoreError),
}

impl From<Refusal> for JudgeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for JudgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl JudgeError {
    /// What ClickHouse says, if it is what does not understand the statement.
    pub fn exception(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.exception(),
            Self::Refused(_) | Self::Format => None,
        }
    }
}

/// The answer to a [`Question`], as it comes. Dropping it before its end ends the statement.
pub struct Answer {
    cursor: BytesCursor,
    /// The first piece, if it was read and not given yet.
    first: Option<Bytes>,
}

impl Store {
    /// Judges a question.
    ///
    /// # Errors
    /// It does more than read, ClickHouse does not understand it, or ClickHouse is away.
    pub async fn judge(&self, mut question: Question) -> Result<JudgedQuestion, JudgeError> {
        judge::scan(&question.sql)?;
        if self.engine_judges {
            return Ok(JudgedQuestion { question, readonly: 1 });
        }
        let judged = self.judge_one(&question.sql, &question, &question.parameters).await?;
        if judged.format().is_some() {
            return Err(JudgeError::Format);
        }
        // A condition is part of the statement, and a SETTINGS clause takes the place of the conditions that hide databases.
        let mut names_system = judged.names_system();
        for filter in judged.filters() {
            judge::scan(&filter.statement())?;
            let condition = self.judge_one(&filter.statement(), &question, &[]).await?;
            if condition.sets() {
                return Err(Refusal::Setting("in a condition".to_owned()).into());
            }
            names_system |= condition.names_system() || filter.is_on_system();
        }
        if names_system && !judged.filters().is_empty() {
            return Err(Refusal::Filters.into());
        }
        judged.sql().clone_into(&mut question.sql);
        Ok(JudgedQuestion { question, readonly: judged.readonly() })
    }

    /// The databases that people may read and see, on a ClickHouse that has others besides.
    fn readable(&self) -> Databases {
        Databases::new(vec![self.database.clone()])
    }

    async fn judge_one(
        &self,
        sql: &str,
        question: &Question,
        parameters: &[(String, String)],
    ) -> Result<Judged, JudgeError> {
        let statement = [("statement".to_owned(), judge::as_parameter(sql))];
        let canonical = self.judging(judge::FORMAT, "RawBLOB", question, &statement).await?;
        let canonical = String::from_utf8(canonical).map_err(|_| Refusal::Bytes)?;
        let judged = Judged::read(&canonical, parameters, &question.limits())?;
        let tree = self.judging(&judged.explain(), judge::TREE_FORMAT, question, parameters).await?;
        judged.check_tree(&String::from_utf8_lossy(&tree), &self.readable())?;
        Ok(judged)
    }

    /// The whole answer to a statement that asks about another one.
    async fn judging(
        &self,
        sql: &str,
        format: &str,
        question: &Question,
        parameters: &[(String, String)],
    ) -> Result<Vec<u8>, StoreError> {
        // Under `readonly=1` a `SETTINGS` clause would be refused before it is judged.
        let mut query = self.reader.query_raw(sql).with_setting("readonly", "2");
        for (name, value) in judge::PARSER_LIMITS {
            query = query.with_setting(name, value.to_string());
        }
        query = query.with_setting("max_execution_time", question.seconds.to_string());
        query = query.with_setting("max_memory_usage", limits::SQL_MEMORY_BYTES.to_string());
        for (name, value) in parameters {
            query = query.with_setting(format!("param_{name}"), value);
        }
        let mut answer = query.fetch_bytes(format).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(piece) = answer.next().await.map_err(failed)? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// Asks a question. Nothing is known of its success before the first [`Answer::next`].
    ///
    /// # Errors
    /// ClickHouse's address is none.
    pub fn ask(&self, judged: &JudgedQuestion) -> Result<Answer, StoreError> {
        let question = &judged.question;
        let mut query = self.reader.query_raw(&question.sql);
        let small_parts = SMALL_PARTS.into_iter().filter(|_| question.in_small_parts);
        for (name, value) in SETTINGS.into_iter().chain(small_parts) {
            query = query.with_setting(name, value);
        }
        let bounds = [("limit", question.rows.into()), ("readonly", judged.readonly.into())];
        for (name, value) in question.limits().into_iter().chain(bounds) {
            query = query.with_setting(name, value.to_string());
        }
        for (name, value) in &question.parameters {
            query = query.with_setting(format!("param_{name}"), value);
        }
        if !self.engine_judges {
            let filters = judge::write_filters(&self.readable().filters());
            query = query.with_setting(judge::FILTERS, filters);
        }
        let cursor = query.fetch_bytes(question.format).map_err(failed)?;
        Ok(Answer { cursor, first: None })
    }
}

impl Answer {
    /// Waits for the first piece, so that it is known whether ClickHouse understands the statement. [`Answer::next`] gives it then.
    ///
    /// # Errors
    /// As those of [`Answer::next`].
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        self.first = self.cursor.next().await.map_err(failed)?;
        Ok(())
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// ClickHouse refused the statement, gave it up, or is away.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.cursor.next().await.map_err(failed),
        }
    }
}

fn failed(source: clickhouse::error::Error) -> StoreError {
    StoreError::Query { statement: NAME.to_owned(), source }
}
