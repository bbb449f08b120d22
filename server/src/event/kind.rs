//! The types that a column can have: what an event holds of it, what ClickHouse calls it, how it is written and shown.

use super::encode::Columns;
use super::value::{JsonObject, Time};
use super::{HopState, Source};
use log_center_wire::{Fingerprint, UnixMillis};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::marker::PhantomData;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};

/// `LowCardinality(String)`, by which the encoder of blocks knows a column with a dictionary.
pub(crate) const WORD: &str = "LowCardinality(String)";

const STRING: &str = "String";

/// The type of a column.
pub trait ColumnType {
    /// As ClickHouse calls it.
    const SQL: &'static str;
    /// As it is in the view `events`.
    const VIEW_SQL: &'static str = Self::SQL;
    /// What an event holds.
    type Value<'a>;
    /// What is read back.
    type Stored;

    /// The value of an event that says nothing here.
    fn empty<'a>() -> Self::Value<'a>;

    /// Hands the value over to an encoder.
    fn write(value: &Self::Value<'_>, out: &mut impl Columns);

    /// The value as it is answered.
    fn shown(stored: &Self::Stored) -> Shown<'_>;

    /// What the API's documentation says of the type.
    fn schema() -> ObjectBuilder;

    /// The value of the column `name` in a view.
    fn in_view(name: &str) -> String {
        name.to_owned()
    }
}

/// A value of a record on its way into an answer.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// There is none.
    Nothing,
    /// A text; empty if there is none.
    Text(&'a str),
    /// A whole number; 0 if there is none.
    Whole(u64),
    /// A number that is there, though it may be 0.
    Number(f64),
    /// A whole number that is there, though it may be 0.
    Count(u64),
    /// A time.
    Time(Time),
    /// JSON as it is.
    Json(&'a JsonObject),
}

impl Shown<'_> {
    /// Whether there is nothing to be shown.
    pub fn is_empty(&self) -> bool {
        match self {
            Shown::Nothing | Shown::Whole(0) => true,
            Shown::Text(text) => text.is_empty(),
            Shown::Json(json) => json.is_none(),
            Shown::Whole(_) | Shown::Number(_) | Shown::Count(_) | Shown::Time(_) => false,
        }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::Nothing => serializer.serialize_none(),
            Shown::Text(text) => serializer.serialize_str(text),
            Shown::Whole(number) | Shown::Count(number) => serializer.serialize_u64(*number),
            Shown::Number(number) => serializer.serialize_f64(*number),
            Shown::Time(time) => time.serialize(serializer),
            Shown::Json(json) => json.serialize(serializer),
        }
    }
}

/// A text with few different values: `LowCardinality(String)`.
pub struct Word;

/// Any text: `String`.
pub struct Text;

/// A JSON object as text, or an empty text.
pub struct Json;

/// A time in milliseconds.
pub struct Timestamp;

/// A number; 0 where there is none.
pub struct Number<T>(PhantomData<T>);

/// A number that may be absent.
pub struct Optional<T>(PhantomData<T>);

/// By which way the event came.
pub struct Way;

/// How a hop ended.
pub struct Verdict;

/// The fingerprint of an issue; zeros if there is none.
pub struct IssueFingerprint;

impl ColumnType for Word {
    const SQL: &'static str = WORD;
    type Value<'a> = Cow<'a, str>;
    type Stored = String;

    fn empty<'a>() -> Self::Value<'a> {
        Cow::Borrowed("")
    }

    fn write(value: &Cow<'_, str>, out: &mut impl Columns) {
        out.word(value);
    }

    fn shown(stored: &String) -> Shown<'_> {
        Shown::Text(stored)
    }

    fn schema() -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String)
    }
}

impl ColumnType for Text {
    const SQL: &'static str = STRING;
    type Value<'a> = Cow<'a, str>;
    type Stored = String;

    fn empty<'a>() -> Self::Value<'a> {
        Cow::Borrowed("")
    }

    fn write(value: &Cow<'_, str>, out: &mut impl Columns) {
        out.string(value);
    }

    fn shown(stored: &String) -> Shown<'_> {
        Shown::Text(stored)
    }

    fn schema() -> ObjectBuilder {
        Word::schema()
    }
}

impl ColumnType for Json {
    const SQL: &'static str = STRING;
    type Value<'a> = Cow<'a, str>;
    type Stored = JsonObject;

    fn empty<'a>() -> Self::Value<'a> {
        Cow::Borrowed("")
    }

    fn write(value: &Cow<'_, str>, out: &mut impl Columns) {
        out.string(value);
    }

    fn shown(stored: &JsonObject) -> Shown<'_> {
        Shown::Json(stored)
    }

    fn schema() -> ObjectBuilder {
        ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::Object, Type::Null]))
    }
}

impl ColumnType for Timestamp {
    const SQL: &'static str = "DateTime64(3, 'UTC')";
    type Value<'a> = UnixMillis;
    type Stored = Time;

    fn empty<'a>() -> Self::Value<'a> {
        UnixMillis(0)
    }

    fn write(value: &UnixMillis, out: &mut impl Columns) {
        out.i64(value.0);
    }

    fn shown(stored: &Time) -> Shown<'_> {
        Shown::Time(*stored)
    }

    fn schema() -> ObjectBuilder {
        Time::schema_builder()
    }
}

impl ColumnType for Way {
    const SQL: &'static str = WORD;
    type Value<'a> = Source;
    type Stored = String;

    fn empty<'a>() -> Self::Value<'a> {
        Source::Record
    }

    fn write(value: &Source, out: &mut impl Columns) {
        out.word(value.as_str());
    }

    fn shown(stored: &String) -> Shown<'_> {
        Shown::Text(stored)
    }

    fn schema() -> ObjectBuilder {
        Word::schema().enum_values(Some(Source::ALL.map(Source::as_str)))
    }
}

impl ColumnType for Verdict {
    const SQL: &'static str = WORD;
    type Value<'a> = Option<HopState>;
    type Stored = String;

    fn empty<'a>() -> Self::Value<'a> {
        None
    }

    fn write(value: &Option<HopState>, out: &mut impl Columns) {
        out.word(value.map_or("", HopState::as_str));
    }

    fn shown(stored: &String) -> Shown<'_> {
        Shown::Text(stored)
    }

    fn schema() -> ObjectBuilder {
        Word::schema().enum_values(Some(HopState::ALL.map(HopState::as_str)))
    }
}

impl ColumnType for IssueFingerprint {
    const SQL: &'static str = "FixedString(16)";
    const VIEW_SQL: &'static str = STRING;
    type Value<'a> = Option<Fingerprint>;
    type Stored = [u8; 16];

    fn empty<'a>() -> Self::Value<'a> {
        None
    }

    fn write(value: &Option<Fingerprint>, out: &mut impl Columns) {
        out.fixed(value.as_ref().map_or(&[0; 16], Fingerprint::as_bytes));
    }

    fn shown(_: &[u8; 16]) -> Shown<'_> {
        // Nobody reads it back: an answer has the issue's id.
        Shown::Nothing
    }

    fn schema() -> ObjectBuilder {
        Word::schema()
    }

    fn in_view(name: &str) -> String {
        format!("if(event_store.{name} = toFixedString('', 16), '', lower(hex(event_store.{name})))")
    }
}

macro_rules! numbers {
    ($($number:ty: $sql:literal, $write:ident;)*) => {$(
        impl ColumnType for Number<$number> {
            const SQL: &'static str = $sql;
            type Value<'a> = $number;
            type Stored = $number;

            fn empty<'a>() -> Self::Value<'a> {
                0
            }

            fn write(value: &$number, out: &mut impl Columns) {
                out.$write(*value);
            }

            fn shown(stored: &$number) -> Shown<'_> {
                Shown::Whole(u64::from(*stored))
            }

            fn schema() -> ObjectBuilder {
                whole()
            }
        }
    )*};
}

numbers! {
    u8: "UInt8", u8;
    u16: "UInt16", u16;
    u32: "UInt32", u32;
    u64: "UInt64", u64;
}

macro_rules! optional_numbers {
    ($($number:ty: $sql:literal, $shown:ident as $wide:ty, $schema:expr;)*) => {$(
        impl ColumnType for Optional<$number> {
            const SQL: &'static str = $sql;
            type Value<'a> = Option<$number>;
            type Stored = Option<$number>;

            fn empty<'a>() -> Self::Value<'a> {
                None
            }

            fn write(value: &Option<$number>, out: &mut impl Columns) {
                out.nullable(value.map(<$number>::to_le_bytes));
            }

            fn shown(stored: &Option<$number>) -> Shown<'_> {
                stored.map_or(Shown::Nothing, |number| Shown::$shown(<$wide>::from(number)))
            }

            fn schema() -> ObjectBuilder {
                $schema
            }
        }
    )*};
}

optional_numbers! {
    u16: "Nullable(UInt16)", Count as u64, whole();
    u64: "Nullable(UInt64)", Count as u64, whole();
    f64: "Nullable(Float64)", Number as f64, double();
}

fn whole() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
}

fn double() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
}
