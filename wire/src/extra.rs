//! `extra`: what a record says beyond the columns, as one text `key=value key2="two words"`.

#[cfg(feature = "decode")]
mod object;

#[cfg(feature = "decode")]
pub(crate) use object::Extra;

/// Reads the pairs back, in their order. What has no `=` is a key with an empty value; a value in quotes may hold
/// spaces and the escapes `\"`, `\\`, `\n`, `\r` and `\t`. There is no text that cannot be read.
///
/// ```
/// let pairs = log_center_wire::extra::pairs(r#"sku=7 note="two left""#);
/// assert_eq!(pairs, [("sku".to_owned(), "7".to_owned()), ("note".to_owned(), "two left".to_owned())]);
/// ```
pub fn pairs(extra: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = extra;
    while !rest.is_empty() {
        let (key, after) = rest.split_at(rest.find(['=', ' ']).unwrap_or(rest.len()));
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after),
            None => (String::new(), after),
        };
        pairs.push((key.to_owned(), value));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    pairs
}

fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        return (value.to_owned(), rest);
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
    (value, characters.as_str())
}
