//! A record as the API answers it: JSON in the form of a bunyan record. What is empty is left out.

use super::columns::{COLUMNS, SCHEMAS};
use super::kind::Shown;
use super::{EventId, Member, Record};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

impl Record {
    /// What the event is known by: it is the same wherever it is shown, and stays so.
    pub fn id(&self) -> EventId {
        EventId { time: self.time.0.0, batch: self.batch, ordinal: self.ordinal }
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = Vec::with_capacity(COLUMNS.len());
        self.each(|member, value| shown.push((member, value)));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &1)?;
        map.serialize_entry("id", &self.id().to_string())?;
        map.serialize_entry("name", &self.project)?;
        for members in shown.chunk_by(|(a, _), (b, _)| a.object.is_some() && a.object == b.object) {
            match members {
                [(Member { object: Some(object), .. }, _), ..] => {
                    if members.iter().any(|(_, value)| !value.is_empty()) {
                        map.serialize_entry(object, &Members(members))?;
                    }
                }
                _ => serialize_members(&mut map, members)?,
            }
        }
        map.end()
    }
}

/// The members of one object.
struct Members<'a>(&'a [(Member, Shown<'a>)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_members(&mut map, self.0)?;
        map.end()
    }
}

fn serialize_members<M: SerializeMap>(map: &mut M, members: &[(Member, Shown<'_>)]) -> Result<(), M::Error> {
    for (member, value) in members.iter().filter(|(member, value)| member.is_always || !value.is_empty()) {
        map.serialize_entry(member.name, value)?;
    }
    Ok(())
}

impl PartialSchema for Record {
    fn schema() -> RefOr<Schema> {
        let text = |comment: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(comment));
        let v = ObjectBuilder::new().schema_type(Type::Integer);
        let mut record = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A bunyan record, and what the server knows of it. What is empty is left out."))
            .property("v", v.description(Some("1, as in every record of this log format")))
            .property("id", text("What the event is known by, wherever it is shown"))
            .property("name", text("The service: the same as `project`"))
            .required("v")
            .required("id")
            .required("name");
        let described = COLUMNS.iter().zip(SCHEMAS).filter_map(|(column, schema)| {
            Some((column.record?, schema().description(Some(column.comment)).build()))
        });
        let described: Vec<_> = described.collect();
        for members in described.chunk_by(|(a, _), (b, _)| a.object.is_some() && a.object == b.object) {
            let described = |object: ObjectBuilder| {
                members.iter().fold(object, |object, (member, schema)| {
                    let object = object.property(member.name, schema.clone());
                    if member.is_always { object.required(member.name) } else { object }
                })
            };
            record = match members.first().and_then(|(member, _)| member.object) {
                Some(object) => {
                    record.property(object, described(ObjectBuilder::new().schema_type(Type::Object)))
                }
                None => described(record),
            };
        }
        RefOr::T(record.into())
    }
}

impl ToSchema for Record {}
