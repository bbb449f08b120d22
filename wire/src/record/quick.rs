//! The quick way to read a record: one pass, texts borrowed from the line. Whatever takes a closer look is an error here,
//! which nobody sees.

use super::Record;
use super::leftovers::CUT;
use super::members::Members;
use crate::attributes::Attributes;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use sonic_rs::LazyValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The record, or `None` if it takes a closer look.
pub(super) fn read(line: &[u8]) -> Option<Record<'_>> {
    // sonic-rs validates the UTF-8 of values that it passes over too late when it is given bytes.
    let text = std::str::from_utf8(line).ok()?;
    if memchr::memchr2_iter(b'{', b'[', line).nth(NESTED).is_some() {
        return None;
    }
    let mut reader = sonic_rs::Deserializer::from_str(text);
    let record = reader.deserialize_map(LineVisitor).ok()?;
    reader.end().ok()?;
    Some(record)
}

/// Most objects and arrays in a line. sonic-rs passes over a value by calling itself for each level of it, without a
/// limit, also to say that a text was expected: a line that nests a hundred thousand deep would overflow the stack and
/// end the program.
const NESTED: usize = 64;

/// Reads a record that is a whole line.
struct LineVisitor;

impl<'a> Visitor<'a> for LineVisitor {
    type Value = Record<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut unknown = Unknown::default();
        let mut record = Record::quick(map, |key, map| unknown.keep(key, map))?;
        record.attributes = unknown.attributes.finish().into();
        Ok(record)
    }
}

/// An object of which every member is known.
pub(super) struct Whole<T>(pub(super) T);

impl<'de, T: Members<'de>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor<T>(PhantomData<T>);
        impl<'de, T: Members<'de>> Visitor<'de> for WholeVisitor<T> {
            type Value = Whole<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::quick(map, |_, _| Err(give_up())).map(Whole)
            }
        }
        deserializer.deserialize_map(WholeVisitor(PhantomData))
    }
}

/// A text, borrowed if it holds no escape.
pub(crate) struct Word<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;
        impl<'de> Visitor<'de> for WordVisitor {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(WordVisitor)
    }
}

/// The error that leaves a record to the closer look.
#[cold]
pub(crate) fn give_up<E: Error>() -> E {
    E::custom("this takes a closer look")
}

/// Longest key that [`pack`] tells from others, in bytes.
const PACKED_BYTES: usize = 15;

/// A key as one number, which is compared faster than a text. A longer one than any that is known gives 0.
pub(crate) const fn pack(key: &[u8]) -> u128 {
    if key.len() > PACKED_BYTES {
        return 0;
    }
    let mut packed = key.len() as u128;
    let mut index = 0;
    while index < key.len() {
        packed = packed << 8 | key[index] as u128;
        index += 1;
    }
    packed
}

/// The same for a key that is known. One that is too long does not compile.
pub(crate) const fn pack_known(key: &str) -> u128 {
    assert!(key.len() <= PACKED_BYTES, "this key is too long to be told from others");
    pack(key.as_bytes())
}

/// Most unknown keys, which are compared with each other.
const UNKNOWN_KEYS: usize = 16;

/// The members that the contract does not know.
#[derive(Default)]
struct Unknown<'a> {
    keys: Vec<Cow<'a, str>>,
    attributes: Attributes,
}

impl<'a> Unknown<'a> {
    /// Keeps a member, if its JSON can stay as it is.
    fn keep<A: MapAccess<'a>>(&mut self, key: Cow<'a, str>, map: &mut A) -> Result<(), A::Error> {
        if key == CUT || self.keys.len() == UNKNOWN_KEYS || self.keys.contains(&key) {
            return Err(give_up());
        }
        let value: LazyValue<'a> = map.next_value()?;
        let value = value.as_raw_str();
        if !stays_as_it_is(value.as_bytes()) {
            return Err(give_up());
        }
        self.attributes.checked(&key, value);
        self.keys.push(key);
        Ok(())
    }
}

/// Whether this is valid JSON, which the reader has not checked, and JSON that [`Attributes`] would not change: a text
/// without escapes, a short number, or a word.
fn stays_as_it_is(value: &[u8]) -> bool {
    match value {
        [b'"', text @ .., b'"'] => text.iter().all(|byte| *byte >= b' ' && *byte != b'\\' && *byte != b'"'),
        b"true" | b"false" | b"null" => true,
        [b'-', number @ ..] | number => is_short_number(number),
    }
}

/// Digits, as many as surely fit 64 bits, with or without a fraction.
fn is_short_number(number: &[u8]) -> bool {
    let is_digits = |digits: &[u8]| (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    is_digits(whole) && (whole.len() == 1 || whole[0] != b'0') && parts.next().is_none_or(is_digits)
}
