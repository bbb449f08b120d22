//! Values of an event that are read back.

use log_center_wire::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// A `DateTime64(3, 'UTC')`; in an answer RFC 3339 with milliseconds: `2026-01-30T10:30:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub UnixMillis);

impl Time {
    pub(super) fn schema_builder() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 in UTC with milliseconds"))
            .examples(["2026-01-30T10:30:00.000Z"])
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(|millis| Time(UnixMillis(millis)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Self::schema_builder().into())
    }
}

impl ToSchema for Time {}

/// A JSON object stored as text; in an answer the object itself, or `null` if there is none.
#[derive(Debug, Clone)]
pub struct JsonObject(pub Option<Box<RawValue>>);

impl JsonObject {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is no JSON cannot come from the writer; it must not make a whole page unreadable.
        String::deserialize(deserializer).map(|text| JsonObject(RawValue::from_string(text).ok()))
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PartialSchema for JsonObject {
    fn schema() -> RefOr<Schema> {
        let types = [Type::Object, Type::Null];
        RefOr::T(ObjectBuilder::new().schema_type(SchemaType::Array(types.to_vec())).into())
    }
}

impl ToSchema for JsonObject {}
