//! The part of a URL behind `?`, read by serde, so that a parameter is declared once: as a field of a struct.

use serde::de::value::{MapAccessDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use std::cell::Cell;
use std::fmt;
use std::slice;
use std::str::FromStr;
use url::form_urlencoded;

/// The parameters of one request. One with an empty value counts as absent, which is how forms send it.
pub(crate) struct Given {
    parameters: Vec<Parameter>,
}

struct Parameter {
    name: String,
    /// At least one, unless every value is empty.
    values: Vec<String>,
    /// Whether a struct that was read has a field of this name.
    is_known: Cell<bool>,
}

impl Given {
    pub(super) fn parse(raw: Option<&str>) -> Self {
        let mut parameters: Vec<Parameter> = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let earlier = parameters.iter().position(|parameter| parameter.name == name);
            let at = earlier.unwrap_or_else(|| {
                let (values, is_known) = (Vec::new(), Cell::new(false));
                parameters.push(Parameter { name: name.into_owned(), values, is_known });
                parameters.len() - 1
            });
            parameters[at].values.extend((!value.is_empty()).then(|| value.into_owned()));
        }
        Self { parameters }
    }

    /// Reads the parameters that are fields of `T`.
    ///
    /// # Errors
    /// The first parameter whose value `T` refuses.
    pub(super) fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Refusal> {
        let entries = Entries { rest: self.parameters.iter(), current: None };
        T::deserialize(MapAccessDeserializer::new(entries))
    }

    /// The parameters that no struct had a field for so far. One without a value may be here although there is such a field.
    pub(super) fn unread(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(|parameter| !parameter.is_known.get()).map(|parameter| &*parameter.name)
    }

    /// All parameters but those that only choose the page. The order in which they were given does not matter.
    pub(super) fn question(&self, list: &str) -> String {
        let of_question =
            self.parameters.iter().filter(|parameter| !["cursor", "limit"].contains(&&*parameter.name));
        let mut pairs: Vec<(&str, &str)> = of_question
            .flat_map(|parameter| parameter.values.iter().map(|value| (&*parameter.name, &**value)))
            .collect();
        pairs.sort_unstable();
        let mut serializer = form_urlencoded::Serializer::new(format!("{list}?"));
        serializer.extend_pairs(pairs);
        serializer.finish()
    }
}

/// Why a parameter is refused; the error of serde.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The parameter. Empty until [`Entries`] adds it.
    pub(super) name: String,
    /// Completes the sentence "`name` …".
    pub(super) rule: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rule)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(rule: T) -> Self {
        Self { name: String::new(), rule: rule.to_string() }
    }

    /// For a field that is an enum.
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [all @ .., last] if !all.is_empty() => {
                Self::custom(format!("must be {} or {last}", all.join(", ")))
            }
            _ => Self::custom(format!("must be {}", expected.join(", "))),
        }
    }
}

/// The parameters that have a value, as a map.
struct Entries<'de> {
    rest: slice::Iter<'de, Parameter>,
    current: Option<&'de Parameter>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        self.current = self.rest.find(|parameter| !parameter.values.is_empty());
        let name = self.current.map(|parameter| parameter.name.as_str());
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let Some(parameter) = self.current else { return Err(de::Error::custom("has no value")) };
        let value = seed.deserialize(ValueDeserializer(parameter));
        value.map_err(|refusal: Refusal| Refusal { name: parameter.name.clone(), ..refusal })
    }
}

/// The value of a parameter; only a sequence takes several.
struct ValueDeserializer<'de>(&'de Parameter);

impl<'de> ValueDeserializer<'de> {
    fn one(self) -> Result<&'de str, Refusal> {
        self.0.is_known.set(true);
        match self.0.values.as_slice() {
            [value] => Ok(value),
            _ => Err(de::Error::custom("must be given once")),
        }
    }

    fn parse<T: FromStr>(self, rule: &str) -> Result<T, Refusal> {
        self.one()?.parse().map_err(|_| de::Error::custom(rule))
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(self.one()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.0.is_known.set(true);
        visitor.visit_seq(SeqDeserializer::new(self.0.values.iter().map(String::as_str)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_enum(self.one()?.into_deserializer())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(self.parse("must be true or false")?)
    }

    /// A struct without such a field.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map
        struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::{Given, Refusal};
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        #[default]
        Latest,
        Slowest,
        Failing,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct List {
        sort: Sort,
        q: Option<String>,
        error: Option<bool>,
        status: Vec<String>,
    }

    #[track_caller]
    fn check(raw: &str, expected: Result<List, (&str, &str)>) {
        let expected =
            expected.map_err(|(name, rule)| Refusal { name: name.to_owned(), rule: rule.to_owned() });
        assert_eq!(Given::parse(Some(raw)).read::<List>(), expected, "{raw}");
    }

    #[test]
    fn a_field_is_its_parameter() {
        check("", Ok(List::default()));
        check("sort=&q=&status=", Ok(List::default()));
        check(
            "sort=failing&q=a%2Bb+c",
            Ok(List { sort: Sort::Failing, q: Some("a+b c".to_owned()), ..List::default() }),
        );
        check(
            "status=a&error=false&status=b,c&x=1",
            Ok(List {
                error: Some(false),
                status: vec!["a".to_owned(), "b,c".to_owned()],
                ..List::default()
            }),
        );
    }

    #[test]
    fn a_refusal_names_its_parameter() {
        check("sort=fastest", Err(("sort", "must be latest, slowest or failing")));
        check("q=a&q=b", Err(("q", "must be given once")));
        check("error=yes", Err(("error", "must be true or false")));
        check("q=a&sort=latest&sort=slowest", Err(("sort", "must be given once")));
    }

    #[test]
    fn what_nobody_asked_for_is_told() {
        let given = Given::parse(Some("colour=red&q=a&sort="));
        given.read::<List>().unwrap();
        assert_eq!(given.unread().collect::<Vec<_>>(), ["colour", "sort"]);
    }

    #[test]
    fn a_question_is_the_same_whatever_page_it_asks_for() {
        let question = |raw| Given::parse(Some(raw)).question("events");
        assert_eq!(question("q=a&since=1h"), question("since=1h&limit=5&q=a&cursor=0f&service="));
        assert_ne!(question("q=a"), question("q=b"));
        assert_ne!(question("status=a&status=b"), question("status=a"));
    }
}
