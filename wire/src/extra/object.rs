use crate::json;

/// `extra` as it is kept: a text. A sender may also say it as an object, whose members become the pairs of the text:
/// a string is the value, everything else the JSON that it is. What is neither is kept as the JSON that it is.
pub(crate) fn text_of(raw: &str) -> String {
    if let Some(text) = json::string_of(raw) {
        return text.into_owned();
    }
    match raw.starts_with('{').then(|| json::members(raw)) {
        Some(Ok(members)) => pairs(&members),
        _ => raw.to_owned(),
    }
}

fn pairs(members: &json::Members<'_>) -> String {
    let mut text = String::new();
    for (key, raw) in members {
        if !text.is_empty() {
            text.push(' ');
        }
        push_key(&mut text, key);
        text.push('=');
        match json::string_of(raw) {
            Some(value) => push_value(&mut text, &value),
            None => push_value(&mut text, raw),
        }
    }
    text
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
