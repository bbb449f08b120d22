//! `attributes`: what a record or a report says beyond the contract, as JSON that ClickHouse reads as well as anybody.
//!
//! No key comes twice in an object, halves of characters are replaced, numbers that do not fit 64 bits are texts, and
//! what nests deeper than [`JSON_DEPTH`](crate::limits::JSON_DEPTH) is the text of its JSON. ClickHouse's functions for
//! JSON give nothing at all of a document in which one of these is otherwise.

use crate::json;
use crate::limits::JSON_DEPTH;
use std::borrow::Cow;
use std::fmt::Write;

/// Room that is made at first, which most records do with.
const USUAL_BYTES: usize = 256;

/// Collects the members of one object. Each key must be given once.
#[derive(Debug, Default)]
pub(crate) struct Attributes(String);

impl Attributes {
    /// Adds a member whose value is a piece of valid JSON.
    pub(crate) fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        // The object that is collected here is the first level.
        Walk { json: value, at: 0 }.value(&mut self.0, 1);
    }

    /// Adds a member whose value is a text.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(&mut self.0, value);
    }

    /// Adds a member whose value is JSON in the form of this module already.
    pub(crate) fn checked(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object; empty if it has no member.
    pub(crate) fn finish(mut self) -> String {
        if !self.0.is_empty() {
            self.0.push('}');
        }
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.is_empty() {
            self.0.reserve(USUAL_BYTES);
        }
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_string(&mut self.0, key);
        self.0.push(':');
    }
}

/// A piece of valid JSON as it is kept.
pub(crate) fn kept(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    Walk { json, at: 0 }.value(&mut out, 0);
    out
}

/// Writes a text as a JSON string, with no more escapes than there must be.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => _ = write!(out, "\\u{control:04x}"),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes a number as it stands if it fits 64 bits, else as a text.
fn push_number(out: &mut String, raw: &str) {
    let fits = match raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        true => raw.parse().is_ok_and(f64::is_finite),
        false => raw.parse::<i64>().is_ok() || raw.parse::<u64>().is_ok(),
    };
    if fits { out.push_str(raw) } else { push_string(out, raw) }
}

/// A way through a piece of valid JSON.
struct Walk<'j> {
    json: &'j str,
    at: usize,
}

impl<'j> Walk<'j> {
    /// Writes the value that begins here, which lies in so many objects and arrays.
    fn value(&mut self, out: &mut String, depth: usize) {
        match self.peek() {
            b'{' | b'[' if depth >= JSON_DEPTH => push_string(out, self.skip()),
            b'{' => self.object(out, depth),
            b'[' => self.array(out, depth),
            b'"' => push_string(out, &self.string()),
            b't' | b'f' | b'n' => out.push_str(self.word()),
            _ => push_number(out, self.word()),
        }
    }

    fn object(&mut self, out: &mut String, depth: usize) {
        let begin = out.len();
        let mut members: Vec<(Cow<'j, str>, usize)> = Vec::new();
        self.at += 1;
        out.push('{');
        while self.peek() != b'}' {
            if !members.is_empty() {
                // Past the comma.
                self.at += 1;
                out.push(',');
                self.peek();
            }
            let key = self.string();
            let start = out.len();
            push_string(out, &key);
            self.peek();
            // Past the colon.
            self.at += 1;
            out.push(':');
            self.value(out, depth + 1);
            members.push((key, start));
        }
        self.at += 1;
        out.push('}');
        if let Some(is_last) = json::last_of_each(&members) {
            // Behind each member stands one character: the comma, or the brace.
            let ends = members.iter().skip(1).map(|(_, start)| start - 1).chain([out.len() - 1]);
            let places = members.iter().map(|(_, start)| *start).zip(ends).zip(is_last);
            let last: Vec<&str> =
                places.filter(|(_, is_last)| *is_last).map(|((start, end), _)| &out[start..end]).collect();
            let object = format!("{{{}}}", last.join(","));
            out.truncate(begin);
            out.push_str(&object);
        }
    }

    fn array(&mut self, out: &mut String, depth: usize) {
        self.at += 1;
        out.push('[');
        let mut is_first = true;
        while !matches!(self.peek(), b']' | b'}') {
            if !is_first {
                self.at += 1;
                out.push(',');
            }
            is_first = false;
            self.value(out, depth + 1);
        }
        self.at += 1;
        out.push(']');
    }

    /// The next byte that is no blank. Valid JSON has one wherever this is asked; the brace ends every loop all the same.
    fn peek(&mut self) -> u8 {
        let rest = &self.json.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.json.as_bytes().get(self.at).copied().unwrap_or(b'}')
    }

    fn string(&mut self) -> Cow<'j, str> {
        let raw = self.raw_string();
        json::string_of(raw).unwrap_or_default()
    }

    fn raw_string(&mut self) -> &'j str {
        let start = self.at;
        let bytes = self.json.as_bytes();
        let mut at = start + 1;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        self.at = (at + 1).min(bytes.len());
        &self.json[start..self.at]
    }

    fn word(&mut self) -> &'j str {
        let rest = &self.json[self.at..];
        let end = rest.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace());
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Passes over an object or an array, however deep.
    fn skip(&mut self) -> &'j str {
        let start = self.at;
        let mut depth = 0usize;
        while let Some(byte) = self.json.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    self.raw_string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        &self.json[start..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(kept(json), expected, "{json}");
    }

    #[test]
    fn what_clickhouse_cannot_read_is_written_otherwise() {
        check(r#"{"a":1,"b":2,"a":3}"#, r#"{"b":2,"a":3}"#);
        check(
            r#"{"a":{"x":1,"x":2},"a":{"y":[{"z":1,"z":1}],"y":{"k":1,"k":{}}}}"#,
            r#"{"a":{"y":{"k":{}}}}"#,
        );
        check(
            r#"[18446744073709551615,18446744073709551616,-9223372036854775809,1e400,-1e3]"#,
            r#"[18446744073709551615,"18446744073709551616","-9223372036854775809","1e400",-1e3]"#,
        );
        check(
            r#"{"\ud83d":"a\udc00b","\ud83d\ude00":"\u00fc\/\u0000"}"#,
            "{\"\u{fffd}\":\"a\u{fffd}b\",\"\u{1f600}\":\"ü/\\u0000\"}",
        );
        check(" [ 1 , { } , [ ] , { \"a\" : null } ] ", r#"[1,{},[],{"a":null}]"#);
        check(r#"{"\u0061":1,"a":2}"#, r#"{"a":2}"#);
    }

    #[test]
    fn what_nests_too_deep_is_a_text() {
        let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
        let kept: Value = serde_json::from_str(&kept(&deep)).unwrap();
        let mut inner = &kept;
        let mut depth = 0;
        while let Some([only]) = inner.as_array().map(Vec::as_slice) {
            inner = only;
            depth += 1;
        }
        assert_eq!((depth, inner.as_str().unwrap().len()), (JSON_DEPTH, deep.len() - 2 * JSON_DEPTH));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..30)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_reads_back(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let kept: Value = serde_json::from_str(&kept(&text)).unwrap();
                prop_assert_eq!(&kept, &value);
            }
        }
    }
}
