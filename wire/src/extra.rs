//! `extra`: what a record says beyond the columns, as one text `key=value key2="two words"`.

#[cfg(feature = "decode")]
mod object;

#[cfg(feature = "decode")]
pub(crate) use object::text_of;

use std::borrow::Cow;

/// Reads the pairs back, in their order. What has no `=` is a key with an empty value; a value in quotes may hold
/// spaces and the escapes `\"`, `\\`, `\n`, `\r` and `\t`. There is no text that cannot be read.
///
/// ```
/// let pairs: Vec<_> = log_center_wire::extra::iter(r#"sku=7 note="two left""#).collect();
/// assert_eq!(pairs, [("sku", "7".into()), ("note", "two left".into())]);
/// ```
pub fn iter(extra: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = extra;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (key, after) = rest.split_at(rest.find(['=', ' ']).unwrap_or(rest.len()));
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after),
            None => (Cow::Borrowed(""), after),
        };
        rest = after.strip_prefix(' ').unwrap_or(after);
        Some((key, value))
    })
}

/// The same, in texts of their own.
pub fn pairs(extra: &str) -> Vec<(String, String)> {
    iter(extra).map(|(key, value)| (key.to_owned(), value.into_owned())).collect()
}

fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        return (Cow::Borrowed(value), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                other => value.extend(other),
            },
            other => value.push(other),
        }
    }
    (Cow::Owned(value), characters.as_str())
}
