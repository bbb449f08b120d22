//! JSON as other programs write it: freed of what may stand around it, mended where that is certain, and taken apart
//! into slices of itself.

use crate::decode::DecodeError;
use crate::text::{Key, Text};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write};

/// The members of an object, each key once, each value as the JSON that it is.
pub(crate) type Members<'j> = Vec<(Cow<'j, str>, &'j str)>;

/// Up to so many keys are compared with each other; more are looked up in a map.
const COMPARED_KEYS: usize = 24;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Takes away what may stand around a document and means nothing: blanks, NULs and other control characters, byte
/// order marks.
pub(crate) fn trimmed(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [..=b' ', rest @ ..] => rest,
            _ => match bytes.strip_prefix(BYTE_ORDER_MARK) {
                Some(rest) => rest,
                None => break,
            },
        };
    }
    loop {
        bytes = match bytes {
            [rest @ .., ..=b' '] => rest,
            _ => match bytes.strip_suffix(BYTE_ORDER_MARK) {
                Some(rest) => rest,
                None => return bytes,
            },
        };
    }
}

/// Reads a document that must be one object. What is not UTF-8 is replaced by U+FFFD; if the rest is no JSON, it is
/// [`mended`].
pub(crate) fn object<T>(
    bytes: &[u8],
    read: impl FnOnce(Members<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let bytes = trimmed(bytes);
    // `from_utf8_lossy` takes several times as long for a text that is whole.
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let error = match members(&text) {
        Ok(members) => return read(members),
        Err(error) => error,
    };
    let text_mended = mended(&text);
    match text_mended.as_deref().map(members) {
        Some(Ok(members)) => read(members),
        _ => Err(refusal(&text, &error)),
    }
}

fn refusal(text: &str, error: &serde_json::Error) -> DecodeError {
    let malformed =
        |error: &serde_json::Error| DecodeError::malformed(format_args!("not valid JSON: {error}"));
    match text.as_bytes().first() {
        Some(b'{') => malformed(error),
        // What an array holds is of no interest, whether it ends or not.
        Some(b'[') => DecodeError::no_object(text),
        _ => match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => DecodeError::no_object(text),
            Err(error) => malformed(&error),
        },
    }
}

/// Whether this is one whole document that can be read.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_valid = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    is_valid(&text) || mended(&text).is_some_and(|text| is_valid(&text))
}

/// The members of an object. Of a key that comes twice the last one counts, as in every reader of JSON in JavaScript.
pub(crate) fn members(object: &str) -> Result<Members<'_>, serde_json::Error> {
    struct MembersVisitor;
    impl<'j> Visitor<'j> for MembersVisitor {
        type Value = Members<'j>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(COMPARED_KEYS);
            while let Some(Key(key)) = map.next_key()? {
                let value: &'j RawValue = map.next_value()?;
                members.push((key, value.get()));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(object);
    let mut members = reader.deserialize_map(MembersVisitor)?;
    reader.end()?;
    if let Some(is_last) = last_of_each(&members) {
        let mut is_last = is_last.into_iter();
        members.retain(|_| is_last.next().unwrap_or(true));
    }
    Ok(members)
}

/// Which of these members are the last of their key; `None` if all are, because each key comes once.
pub(crate) fn last_of_each<T>(members: &[(Cow<'_, str>, T)]) -> Option<Vec<bool>> {
    let is_last: Vec<bool> = if members.len() <= COMPARED_KEYS {
        let comes_again = |at: usize| members[at + 1..].iter().any(|(key, _)| *key == members[at].0);
        if !(0..members.len()).any(comes_again) {
            return None;
        }
        (0..members.len()).map(|at| !comes_again(at)).collect()
    } else {
        let places = members.iter().enumerate();
        let last: HashMap<&str, usize> = places.clone().map(|(at, (key, _))| (key.as_ref(), at)).collect();
        places.map(|(at, (key, _))| last.get(key.as_ref()) == Some(&at)).collect()
    };
    is_last.contains(&false).then_some(is_last)
}

/// The same text as JSON, if it is not JSON only for what other programs are known to write: `NaN` and `Infinity`, which
/// become texts; control characters and byte order marks between values, which become blanks; control characters in
/// texts, which get their escapes. `None` if there is nothing of that.
fn mended(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut in_text, mut is_escaped, mut is_mended) = (false, false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        if in_text {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => in_text = false,
                _ => {}
            }
        } else if character == '"' {
            in_text = true;
        } else if character.is_ascii_alphabetic() || matches!(character, '-' | '+') {
            length =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
            if is_no_number(&rest[..length]) {
                is_mended = true;
                _ = write!(out, "\"{}\"", &rest[..length]);
                rest = &rest[length..];
                continue;
            }
        }
        match character {
            _ if character >= ' ' && (in_text || character != '\u{feff}') => out.push_str(&rest[..length]),
            '\t' | '\n' | '\r' if !in_text => out.push(character),
            _ if in_text => {
                is_mended = true;
                _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => {
                is_mended = true;
                out.push(' ');
            }
        }
        rest = &rest[length..];
    }
    is_mended.then_some(out)
}

/// What Python, C and others write for a number that is none.
fn is_no_number(word: &str) -> bool {
    let word = word.trim_start_matches(['-', '+']);
    ["nan", "infinity", "inf"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The string that a piece of valid JSON holds; `None` if it holds something else.
pub(crate) fn string_of(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<Text<'_>>(raw).ok().map(|Text(text)| text)
}

/// Whether a piece of valid JSON is a number.
pub(crate) fn is_number(raw: &str) -> bool {
    matches!(raw.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
}

/// What a piece of JSON is, for a message.
pub(crate) fn kind_of(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'"') => "a string",
        _ => "a number",
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
