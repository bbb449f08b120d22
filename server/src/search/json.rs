//! Values inside of a text, as SQL: of the JSON in `attributes`, of the pairs in `extra`.
//!
//! A text is cut into tokens by an expression for `extractAll`; each token is then read as what it stands for. That costs
//! far more than to look for a text, so only events get that far whose text could hold what is looked for. Quotes and
//! backslashes are written as `char(34)` and `char(92)`, so that no statement has an escape.

/// Cuts JSON into its values but for objects, arrays and `null`; a key becomes an empty token. Whatever is in quotes is one
/// token, so what looks like a value inside of a text is none.
pub(super) const JSON_TOKENS: &str =
    r#""(?:[^"\\]|\\[\s\S])*"\s*:|("(?:[^"\\]|\\[\s\S])*"|-?[0-9][0-9eE+.-]*|true|false)"#;

/// Cuts `extra` into its pairs.
pub(super) const EXTRA_TOKENS: &str =
    r#"[^ =]+(?:=(?:"(?:[^"\\]|\\[\s\S])*"?|[^ ]*))?|=(?:"(?:[^"\\]|\\[\s\S])*"?|[^ ]*)"#;

/// The text that a JSON token `t` stands for.
pub(super) const JSON_VALUE: &str = "multiIf(NOT startsWith(t, char(34)), t, position(t, char(92)) = 0, \
    substring(t, 2, length(t) - 2), JSONExtractString(t))";

/// The text that an `extra` token `t` stands for, behind a key and a `=` of so many bytes.
pub(super) fn extra_value(key_bytes: usize) -> String {
    let value = format!("substring(t, {})", key_bytes + 1);
    let bare = format!("substring({value}, 2, length({value}) - 1 - endsWith({value}, char(34)))");
    format!("if(startsWith({value}, char(34)), {}, {value})", unescaped(&bare))
}

/// A text of `extra` without its escapes: `\"`, `\\`, `\n`, `\r`, `\t`, and a backslash before anything else.
pub(super) fn unescaped(text: &str) -> String {
    // A backslash that is meant is a zero in between, which no other escape begins with.
    let steps = [
        ("char(92, 92)", "char(0)"),
        ("char(92, 110)", "char(10)"),
        ("char(92, 114)", "char(13)"),
        ("char(92, 116)", "char(9)"),
        ("char(92)", "''"),
        ("char(0)", "char(92)"),
    ];
    let replaced = |text, (from, to)| format!("replaceAll({text}, {from}, {to})");
    format!(
        "if(position({text}, char(92)) = 0, {text}, {})",
        steps.into_iter().fold(text.to_owned(), replaced)
    )
}

/// The paths by which JSON can hold a path of keys: each a level, or one run of them as one key with dots in it.
pub(super) fn paths(keys: &[String]) -> Vec<Vec<String>> {
    let mut paths = vec![keys.to_vec()];
    for first in 0..keys.len() {
        for end in first + 2..=keys.len() {
            let mut path = keys[..first].to_vec();
            path.push(keys[first..end].join("."));
            path.extend_from_slice(&keys[end..]);
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn a_key_may_hold_dots() {
        let keys: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let found: Vec<String> = paths(&keys).iter().map(|path| path.join("/")).collect();
        assert_eq!(found, ["a/b/c", "a.b/c", "a.b.c", "a/b.c"]);
        assert_eq!(paths(&keys[..1]), [["a".to_owned()]]);
    }
}
