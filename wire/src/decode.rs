//! Reading JSON from outside: malformed text is told from a wrong field, and the field is named by its path.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

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

/// Reads one whole document.
pub(crate) fn document<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let malformed = |message: String| DecodeError { code: ErrorCode::MalformedJson, field: None, message };
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(malformed(format!("not UTF-8: byte {} starts no character", error.valid_up_to())));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => wrong_type(path, &inner),
            _ => malformed(format!("not valid JSON: {inner}")),
        }
    })?;
    reader.end().map_err(|error| malformed(format!("not valid JSON: {error}")))?;
    Ok(value)
}

fn wrong_type(path: String, error: &serde_json::Error) -> DecodeError {
    // The position is of no use to a program that built the document from values: the path says it better.
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    let parent = (path != "." && !path.is_empty()).then_some(path);
    // A key that comes twice is known by its message only; the path ends at its object.
    let twice = reason.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`'));
    let field = match (parent, twice) {
        (Some(parent), Some(key)) => Some(format!("{parent}.{key}")),
        (None, Some(key)) => Some(key.to_owned()),
        (parent, None) => parent,
    };
    let message = match &field {
        Some(field) => format!("{field}: {reason}"),
        None => reason.to_owned(),
    };
    DecodeError { code: ErrorCode::WrongType, field, message }
}

/// A value that must be a JSON object: serde would also take an array for a struct, field by field.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// How deep objects and arrays nest in a piece of valid JSON.
pub(crate) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
