//! Values of parameters that have a limit.

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A number from 1 to `MOST`, which is `DEFAULT` if the parameter is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const DEFAULT: u32, const MOST: u32>(pub(crate) u32);

impl<const DEFAULT: u32, const MOST: u32> Default for Count<DEFAULT, MOST> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32, const MOST: u32> Deserialize<'de> for Count<DEFAULT, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = String::deserialize(deserializer)?.parse().ok();
        let number = number.filter(|number| (1..=MOST).contains(number));
        number.map(Self).ok_or_else(|| D::Error::custom(format!("must be an integer from 1 to {MOST}")))
    }
}

impl<const DEFAULT: u32, const MOST: u32> PartialSchema for Count<DEFAULT, MOST> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(MOST))
            .default(Some(DEFAULT.into()));
        RefOr::T(number.into())
    }
}

impl<const DEFAULT: u32, const MOST: u32> ToSchema for Count<DEFAULT, MOST> {}

/// A text of at most `BYTES` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<const BYTES: usize>(pub(crate) String);

impl<'de, const BYTES: usize> Deserialize<'de> for Text<BYTES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() > BYTES {
            return Err(D::Error::custom(format!("must be at most {BYTES} bytes long")));
        }
        Ok(Self(text))
    }
}

impl<const BYTES: usize> PartialSchema for Text<BYTES> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).into())
    }
}

impl<const BYTES: usize> ToSchema for Text<BYTES> {}

/// The words of a parameter that may be given more than once, and each time with several words between commas.
pub(crate) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let lists = Vec::<String>::deserialize(deserializer)?;
    Ok(lists.iter().flat_map(|list| list.split(',')).map(|word| word.trim().to_owned()).collect())
}
