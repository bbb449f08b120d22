//! From a JSON value to the text that ClickHouse reads as the value of a parameter.

use serde_json::Value;
use std::fmt::Write as _;

/// Most elements inside of each other.
const DEPTH: usize = 8;

/// Writes the value as `{name:Type}` takes it: text with the escapes of ClickHouse's tab-separated format, arrays as in SQL.
/// `None`: an object, or nested too deep.
pub(super) fn write(value: &Value) -> Option<String> {
    let mut text = String::new();
    match value {
        Value::Null => text.push_str("\\N"),
        Value::String(value) => escape(value, &mut text),
        other => element(other, DEPTH, &mut text)?,
    }
    Some(text)
}

/// A value inside of an array, or one that looks the same outside.
fn element(value: &Value, depth: usize, text: &mut String) -> Option<()> {
    match value {
        Value::Null => text.push_str("NULL"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => _ = write!(text, "{number}"),
        Value::String(value) => {
            text.push('\'');
            escape(value, text);
            text.push('\'');
        }
        Value::Array(elements) => {
            let depth = depth.checked_sub(1)?;
            text.push('[');
            for (number, value) in elements.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                element(value, depth, text)?;
            }
            text.push(']');
        }
        Value::Object(_) => return None,
    }
    Some(())
}

fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\'' => text.push_str("\\'"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\0' => text.push_str("\\0"),
            other => text.push(other),
        }
    }
}
