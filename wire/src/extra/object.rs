use crate::text::string_of;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// `extra` as it is kept: a text. A sender may also say it as an object, whose members become the pairs of the text:
/// a string is the value, everything else the JSON that it is. What is neither is kept as the JSON that it is.
pub(crate) struct Extra(pub(crate) String);

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') => string_of(raw).map(Extra).map_err(D::Error::custom),
            Some(b'{') => {
                let mut reader = serde_json::Deserializer::from_str(raw);
                reader.deserialize_map(Members).map(Extra).map_err(D::Error::custom)
            }
            _ => Ok(Extra(raw.to_owned())),
        }
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        let mut text = String::new();
        while let Some(key) = members.next_key::<String>()? {
            let value: &RawValue = members.next_value()?;
            if !text.is_empty() {
                text.push(' ');
            }
            push_key(&mut text, &key);
            text.push('=');
            if value.get().starts_with('"') {
                push_value(&mut text, &string_of(value.get()).map_err(A::Error::custom)?);
            } else {
                push_value(&mut text, value.get());
            }
        }
        Ok(text)
    }
}

/// Whether a character would end a bare word early.
fn is_special(character: char) -> bool {
    character.is_ascii_control() || matches!(character, ' ' | '=' | '"' | '\\')
}

fn push_key(text: &mut String, key: &str) {
    if key.is_empty() {
        text.push('_');
    }
    text.extend(key.chars().map(|character| if is_special(character) { '_' } else { character }));
}

fn push_value(text: &mut String, value: &str) {
    if !value.is_empty() && !value.contains(is_special) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
    text.push('"');
}
