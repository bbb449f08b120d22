//! Secrets in what was sent or answered. The text may be cut anywhere; a value that is cut is hidden to the end.

use super::address::in_pairs;
use super::{REDACTED, Redaction};
use std::borrow::Cow;

/// What was sent or answered: JSON and forms are looked into, other texts stay as they are.
pub(crate) fn in_payload<'a>(redaction: &Redaction, text: &'a str) -> Cow<'a, str> {
    if text.trim_start().starts_with(['{', '[']) {
        in_json(redaction, text)
    } else if text.contains(char::is_whitespace) {
        Cow::Borrowed(text)
    } else {
        in_pairs(redaction, text, &['&'])
    }
}

/// Reads only as much of JSON as tells keys from values.
fn in_json<'a>(redaction: &Redaction, text: &'a str) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(length) = text[at..].find('"') {
        let start = at + length;
        let end = string_end(bytes, start);
        at = end;
        let colon = end + blanks(&bytes[end..]);
        if bytes.get(colon) != Some(&b':') || !redaction.hides(&unescaped(&text[start..end])) {
            continue;
        }
        let value = colon + 1 + blanks(&bytes[colon + 1..]);
        let value_end = value_end(bytes, value);
        if value_end == value {
            continue;
        }
        out.push_str(&text[copied..value]);
        out.push('"');
        out.push_str(REDACTED);
        out.push('"');
        (copied, at) = (value_end, value_end);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Behind the quote that ends the string that begins here; the end of the text if it is cut.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => {
                // In JSON that is ASCII; where it is not, the rest of the character goes with its first byte.
                let rest = bytes[(at + 2).min(bytes.len())..].iter().take_while(|byte| **byte & 0xc0 == 0x80);
                at += 2 + rest.count();
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the value that begins here, whatever is nested in it.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' | b',' if depth == 0 => return at - trailing_blanks(&bytes[start..at]),
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn trailing_blanks(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// A key as it is meant, of its string with the quotes.
fn unescaped(string: &str) -> Cow<'_, str> {
    if string.contains('\\') {
        if let Ok(key) = serde_json::from_str(string) {
            return Cow::Owned(key);
        }
    }
    Cow::Borrowed(string.trim_matches('"'))
}
