//! How a value of the store looks in an answer.

pub use crate::event::value::{JsonObject, Time};

use log_center_wire::{IssueStatus, Level};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A `UInt8` with bunyan's number; in an answer the word that a report uses: `CRITICAL`, `ERROR`, `WARNING`, and for
/// the levels below these `INFO`, `DEBUG`, `TRACE`. A number between two levels is the lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct LevelWord(pub u8);

impl LevelWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        Self::word(Level::at_or_below(self.0))
    }

    const fn word(level: Level) -> &'static str {
        match level {
            Level::Fatal => "CRITICAL",
            Level::Warn => "WARNING",
            other => other.name(),
        }
    }
}

impl Serialize for LevelWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for LevelWord {
    fn schema() -> RefOr<Schema> {
        let words = Level::ALL.into_iter().rev().map(Self::word);
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into())
    }
}

impl ToSchema for LevelWord {}

/// A state, stored and answered as its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub IssueStatus);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map(Status).map_err(D::Error::custom)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        let words = IssueStatus::ALL.map(IssueStatus::as_str);
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into())
    }
}

impl ToSchema for Status {}

/// Text whose lines are joined by line feeds; in an answer an array of lines, empty if there is no text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Lines(pub String);

impl Lines {
    /// The lines.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n').filter(|_| !self.0.is_empty())
    }
}

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl PartialSchema for Lines {
    fn schema() -> RefOr<Schema> {
        let line = ObjectBuilder::new().schema_type(Type::String);
        RefOr::T(ArrayBuilder::new().items(line).into())
    }
}

impl ToSchema for Lines {}

/// For a column that paging needs and no answer shows. (`skip_serializing` would take it out of the row as well.)
pub(super) fn is_internal<T>(_: &T) -> bool {
    true
}
