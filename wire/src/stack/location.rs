//! `file:line` and `file:line:column`, and what is no file although it looks like one.

use super::line::trim_end;
use crate::limits::FILE_PATH_BYTES;

/// A file and a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
    /// Whether a column stood behind the line.
    pub(super) column: bool,
}

/// Reads `file:line` and `file:line:column`. A line beyond 32 bits is none.
pub(super) fn location(text: &str) -> Option<Location<'_>> {
    let (head, last) = trailing_number(text)?;
    let (file, line, column) = match trailing_number(head) {
        Some((file, line)) => (file, line, true),
        None => (head, last, false),
    };
    let file = without_query(trim_end(file.trim_start_matches([' ', '\t'])));
    Some(Location { file, line: line_number(line)?, column }).filter(|location| is_file(location.file))
}

/// The number of a line, if it has 32 bits.
pub(super) fn line_number(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The digits with which a text begins, and what follows them.
pub(super) fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// `head:digits`.
pub(super) fn trailing_number(text: &str) -> Option<(&str, &str)> {
    let digits = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let head = text[..digits].strip_suffix(':')?;
    (digits < text.len()).then_some((head, &text[digits..]))
}

/// Whether the text can be the name of a file. A time (`10:30:15`) and a host with its port are none.
pub(super) fn is_file(text: &str) -> bool {
    fits(text)
        && text.contains(char::is_alphabetic)
        && (text.starts_with(['<', '[']) || text.contains(['/', '\\']) || has_dot_or_scheme(text))
        && !is_host(text)
}

/// Whether the path is neither empty nor too long.
pub(super) fn fits(path: &str) -> bool {
    (1..=FILE_PATH_BYTES).contains(&path.len())
}

/// A dot before a letter (`cart.js`), or a word, a colon and a name (`node:fs`).
fn has_dot_or_scheme(text: &str) -> bool {
    let bytes = text.as_bytes();
    let dot =
        bytes.windows(2).any(|pair| pair[0] == b'.' && (pair[1].is_ascii_alphabetic() || pair[1] == b'<'));
    dot || scheme(text).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// What follows the scheme of an address. The letter of a drive is no scheme.
pub(super) fn scheme(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).filter(|&end| end > 1)?;
    text[end..].strip_prefix(':').filter(|_| text.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// An address that names only a host.
fn is_host(text: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|host| !host.contains('/')))
}

/// An address without its query and its fragment.
pub(super) fn without_query(file: &str) -> &str {
    match scheme(file) {
        Some(_) => &file[..file.find(['?', '#']).unwrap_or(file.len())],
        None => file,
    }
}

/// Whether the text ends with one of these extensions, which are given without their dot.
pub(super) fn has_extension(text: &str, extensions: &[&str]) -> bool {
    text.rsplit_once('.').is_some_and(|(name, extension)| !name.is_empty() && extensions.contains(&extension))
}
