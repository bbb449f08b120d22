//! What is asked, read from a body.

use super::{parameter, refusal, times};
use crate::error::ApiError;
use crate::store::limits;
use crate::store::question::Question;
use axum::http::{HeaderMap, header};
use log_center_engine::judge::{self, Refusal};
use log_center_wire::decode::ErrorCode;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of a request, for the documentation. It is read by [`Request::decode`].
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is wanted")]
pub(super) struct SqlRequest {
    /// One statement that reads: SELECT, WITH, FROM, SHOW, DESCRIBE, EXPLAIN or EXISTS, without FORMAT.
    #[schema(
        example = "SELECT level, count() AS n FROM events WHERE project = {project:String} GROUP BY level"
    )]
    query: String,
    /// Values for `{name:Type}` in it: strings, numbers, booleans, null, arrays of these. 100 at most.
    #[schema(example = json!({"project": "shop"}))]
    parameters: Option<Map<String, Value>>,
    /// `json`, `csv`, `parquet` or `arrow` (an IPC stream); if absent, what `Accept` names, else `json`.
    #[schema(example = "json")]
    format: Option<String>,
    /// Rows at most: a JSON answer ends there and says so, of the other formats more is an error. 10000 for JSON and 1000000 for the
    /// others if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_rows: Option<u32>,
    /// How long it may take until the last byte has gone out, 30 if absent.
    #[schema(minimum = 1, maximum = 60)]
    timeout_seconds: Option<u32>,
}

/// A JSON answer, for the documentation. It is written by [`super::document`].
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is wanted")]
pub(super) struct SqlAnswer {
    /// What the values of a row are.
    columns: Vec<SqlColumn>,
    /// The rows: an array of values each. 64-bit integers are numbers, what is no number is null, times are RFC 3339 in UTC.
    #[schema(value_type = Vec<Vec<Value>>)]
    rows: Vec<Box<RawValue>>,
    /// How many rows are here.
    row_count: u64,
    /// Whether there are more than `max_rows`.
    truncated: bool,
    /// How long it took, in milliseconds.
    elapsed_ms: u64,
}

/// A column of an answer.
#[derive(Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub(super) struct SqlColumn {
    /// Its name.
    #[schema(example = "level")]
    pub(super) name: String,
    /// Its type in ClickHouse.
    #[schema(example = "UInt8")]
    pub(super) r#type: String,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Parquet,
    Arrow,
}

impl Format {
    const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Parquet, Self::Arrow];

    /// In a request.
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// In the answer's head.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// In ClickHouse.
    fn in_clickhouse(self) -> &'static str {
        match self {
            // A row a line, which can be streamed and counted; the frame comes here.
            Self::Json => "JSONCompactEachRowWithNamesAndTypes",
            Self::Csv => "CSVWithNames",
            Self::Parquet => "Parquet",
            Self::Arrow => "ArrowStream",
        }
    }

    /// How large an answer may be, in bytes.
    pub(super) fn bytes_max(self) -> u64 {
        match self {
            Self::Json | Self::Csv => limits::SQL_STREAMED_BYTES,
            Self::Parquet | Self::Arrow => limits::SQL_WHOLE_BYTES,
        }
    }

    /// The first of `Accept` that is known; JSON if none is.
    fn accepted(headers: &HeaderMap) -> Self {
        let named = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut essences = named
            .flat_map(|value| value.split(','))
            .map(|part| part.split(';').next().unwrap_or_default().trim());
        let of = |essence: &str| {
            Self::ALL.into_iter().find(|format| {
                format.content_type().split(';').next().is_some_and(|own| own.eq_ignore_ascii_case(essence))
            })
        };
        essences.find_map(of).unwrap_or(Self::Json)
    }
}

/// A request that can be asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    sql: String,
    parameters: Vec<(String, String)>,
    pub(super) format: Format,
    pub(super) max_rows: u32,
    pub(super) seconds: u32,
}

impl Request {
    pub(super) fn decode(body: &[u8], headers: &HeaderMap) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| refused(ErrorCode::MalformedJson, None, format!("not valid JSON: {error}")))?;
        let Value::Object(mut fields) = value else {
            let message = "the request is an object with query and parameters".to_owned();
            return Err(refused(ErrorCode::WrongType, None, message));
        };
        let sql = text(&mut fields, "query")?
            .ok_or_else(|| refused(ErrorCode::MissingField, Some("query"), "query is required".to_owned()))?;
        check(&sql)?;
        let format = match text(&mut fields, "format")? {
            None => Format::accepted(headers),
            Some(name) => Format::ALL
                .into_iter()
                .find(|format| format.name() == name)
                .ok_or_else(|| invalid("format", "must be one of json, csv, parquet, arrow"))?,
        };
        let rows = if format == Format::Json { limits::SQL_JSON_ROWS } else { limits::SQL_ROWS_MAX };
        let request = Self {
            parameters: parameters(&mut fields, &sql)?,
            sql,
            format,
            max_rows: number(&mut fields, "max_rows", limits::SQL_ROWS_MAX)?.unwrap_or(rows),
            seconds: number(&mut fields, "timeout_seconds", limits::SQL_SECONDS_MAX)?
                .unwrap_or(limits::SQL_SECONDS),
        };
        match fields.keys().next() {
            None => Ok(request),
            Some(name) => Err(invalid(
                name,
                "is no field of this request, which has query, parameters, format, max_rows, timeout_seconds",
            )),
        }
    }

    pub(super) fn question(&self) -> Question {
        Question {
            sql: self.sql.clone(),
            parameters: self.parameters.clone(),
            format: self.format.in_clickhouse(),
            seconds: self.seconds,
            // One more tells whether there are more.
            rows: self.max_rows + 1,
            // JSON is cut here; a file cannot say that it was.
            rows_max: if self.format == Format::Json { limits::SQL_ROWS_MAX + 1 } else { self.max_rows },
            bytes_max: self.format.bytes_max(),
            in_small_parts: matches!(self.format, Format::Parquet | Format::Arrow),
        }
    }
}

/// Refuses at once what plainly does more than read, or answers in another format than is expected. The rest is judged by
/// [`Store::judge`](crate::store::Store::judge), once there is a turn.
fn check(sql: &str) -> Result<(), ApiError> {
    match judge::scan(sql) {
        Err(Refusal::Empty) => Err(invalid("query", "must hold a statement")),
        Err(refusal) => Err(refusal::refused(&refusal)),
        Ok(()) if log_center_engine::answer_format(sql).is_some() => Err(refusal::format_named()),
        Ok(()) => Ok(()),
    }
}

fn parameters(fields: &mut Map<String, Value>, sql: &str) -> Result<Vec<(String, String)>, ApiError> {
    let values = match fields.remove("parameters") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(values)) => values,
        Some(_) => {
            let message = "parameters must be an object of names and values".to_owned();
            return Err(refused(ErrorCode::WrongType, Some("parameters"), message));
        }
    };
    if values.len() > limits::SQL_PARAMETERS {
        return Err(invalid("parameters", &format!("must be at most {}", limits::SQL_PARAMETERS)));
    }
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    values
        .into_iter()
        .map(|(name, value)| {
            let field = format!("parameters.{name}");
            if !is_name(&name) {
                return Err(invalid(&field, "must be named with letters, digits and _"));
            }
            match parameter::write(&with_times(value, sql, &name)) {
                Some(text) => Ok((name, text)),
                None => Err(refused(
                    ErrorCode::WrongType,
                    Some(&field),
                    format!("{field} must be a string, number, boolean, null, or an array of these"),
                )),
            }
        })
        .collect()
}

/// The value with times of ours as its placeholder reads them.
fn with_times(value: Value, sql: &str, name: &str) -> Value {
    match value {
        Value::String(text) => Value::String(times::as_parameter(sql, name, &text).unwrap_or(text)),
        Value::Array(values) => values.into_iter().map(|value| with_times(value, sql, name)).collect(),
        other => other,
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused(ErrorCode::WrongType, Some(name), format!("{name} must be a string"))),
    }
}

fn number(fields: &mut Map<String, Value>, name: &str, most: u32) -> Result<Option<u32>, ApiError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (1..=most).contains(number));
            number.map(Some).ok_or_else(|| invalid(name, &format!("must be an integer from 1 to {most}")))
        }
        Some(_) => Err(refused(ErrorCode::WrongType, Some(name), format!("{name} must be a number"))),
    }
}

fn invalid(name: &str, rule: &str) -> ApiError {
    refused(ErrorCode::InvalidValue, Some(name), format!("{name} {rule}"))
}

fn refused(code: ErrorCode, field: Option<&str>, message: String) -> ApiError {
    ApiError::Field { code, field: field.map(str::to_owned), message }
}
