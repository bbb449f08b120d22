//! Why a document from outside is refused: malformed text is told from a wrong field, and the field is named by its
//! path.

use crate::json::kind_of;
use std::fmt;

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    code: ErrorCode,
    field: Option<String>,
    message: String,
}

/// The `code` of a refusal. The words are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Not JSON, or cut short: the document cannot be read at all.
    MalformedJson,
    /// A required field is not there, or is `null`.
    MissingField,
    /// A field has another type than the contract gives it.
    WrongType,
    /// A field has the right type and a value that the contract excludes.
    InvalidValue,
}

impl ErrorCode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::MalformedJson => "malformed_json",
            ErrorCode::MissingField => "missing_field",
            ErrorCode::WrongType => "wrong_type",
            ErrorCode::InvalidValue => "invalid_value",
        }
    }
}

impl DecodeError {
    /// The document cannot be read.
    pub(crate) fn malformed(reason: impl fmt::Display) -> Self {
        Self { code: ErrorCode::MalformedJson, field: None, message: reason.to_string() }
    }

    /// The document is JSON, and not an object.
    pub(crate) fn no_object(raw: &str) -> Self {
        let message = format!("must be a JSON object, is {}", kind_of(raw));
        Self { code: ErrorCode::WrongType, field: None, message }
    }

    /// A field holds `raw`, which is not what it must be: "a string".
    pub(crate) fn wrong_type(field: &str, expected: &str, raw: &str) -> Self {
        let message = format!("{field} must be {expected}, is {}", kind_of(raw));
        Self { code: ErrorCode::WrongType, field: Some(field.into()), message }
    }

    /// A required field is missing.
    pub(crate) fn missing(field: &str) -> Self {
        Self {
            code: ErrorCode::MissingField,
            field: Some(field.into()),
            message: format!("{field} is required"),
        }
    }

    /// A field holds what it may not hold; `rule` completes the sentence "`field` …".
    pub(crate) fn invalid(field: &str, rule: impl fmt::Display) -> Self {
        Self { code: ErrorCode::InvalidValue, field: Some(field.into()), message: format!("{field} {rule}") }
    }

    /// What is wrong, for a program.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Which field, by its path (`error.line_number`); `None` if the document as a whole is at fault.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong, for a person.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}
