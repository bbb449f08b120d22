//! PHP: `#0 /srv/shop/Pay.php(17): Shop\Cart->total()`. A frame names the place of a call, so the place of the error stands
//! only in the heading: `Failed: no cart in /srv/shop/Cart.php:42` before `Stack trace:`.

use super::frame::{Best, Frame, HEADING};
use super::line::Line;
use super::location::{is_file, leading_digits, line_number, location};
use super::search::split_last;

#[derive(Default)]
pub(super) struct Reader<'a> {
    pub(super) best: Best<'a>,
    /// The line before this one.
    before: &'a str,
}

impl<'a> Reader<'a> {
    /// Whether the line is PHP's.
    pub(super) fn read(&mut self, line: Line<'a>, number: usize, rank: i64) -> bool {
        let before = std::mem::replace(&mut self.before, line.text);
        if matches!(line.text, "Stack trace:" | "[stacktrace]") {
            let word = if line.text == "[stacktrace]" { " at " } else { " in " };
            if let Some(frame) = heading(before, word) {
                self.best.offer(frame, rank, number);
            }
            return true;
        }
        let (frame, rank) = match frame(line.text) {
            Some(frame) => (Some(frame), rank),
            None => (on_line(line.text), HEADING),
        };
        if let Some(frame) = frame {
            self.best.offer(frame, rank, number);
        }
        frame.is_some()
    }
}

/// `#0 /srv/shop/Pay.php(17): Shop\Cart->total()`.
fn frame(text: &str) -> Option<Frame<'_>> {
    let (number, rest) = leading_digits(text.strip_prefix('#')?);
    let call = rest.strip_prefix(' ').filter(|_| !number.is_empty())?;
    let (file, line) = called_from(call)?;
    place(file, line)
}

/// `file(17): function` and `file(17) : eval()'d code(3): function`. The name of a file may have parentheses, too.
fn called_from(call: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(open) = call[from..].find('(').map(|open| from + open) {
        let (digits, after) = leading_digits(&call[open + 1..]);
        if !digits.is_empty() && (after.starts_with("): ") || after.starts_with(") : ") || after == ")") {
            return Some((&call[..open], digits));
        }
        from = open + 1 + digits.len();
    }
    None
}

/// The end of `Failed: no cart in /srv/shop/Cart.php:42`, or of Monolog's `… at /srv/shop/Cart.php:42)`.
fn heading<'a>(text: &'a str, word: &str) -> Option<Frame<'a>> {
    let text = if word == " at " { text.strip_suffix(')').unwrap_or(text) } else { text };
    let named = behind_last(text, word)?;
    // What `eval` runs is in no file of its own: the place is that of the `eval`.
    if let Some((evaluated, _)) = named.split_once(") : eval()'d code") {
        let (file, line) = evaluated.rsplit_once('(')?;
        return place(file, line);
    }
    location(named).map(|found| Frame::of(found.file, found.line))
}

/// The end of `thrown in /srv/shop/Cart.php on line 42`.
fn on_line(text: &str) -> Option<Frame<'_>> {
    let (rest, line) = split_last(text, " on line ")?;
    place(behind_last(rest, " in ")?, line)
}

/// What stands behind the last `word` before an absolute path, because directories may have such words in their names; if
/// there is none, behind the last `word`.
fn behind_last<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let is_absolute = |path: &&str| {
        let drive = path.as_bytes().get(..3).is_some_and(|start| {
            start[0].is_ascii_alphabetic() && start[1] == b':' && matches!(start[2], b'/' | b'\\')
        });
        drive || path.starts_with('/') || path.starts_with("phar://")
    };
    let paths = text.rmatch_indices(word).map(|(start, _)| &text[start + word.len()..]);
    paths.clone().find(is_absolute).or_else(|| paths.clone().next())
}

fn place<'a>(file: &'a str, line: &str) -> Option<Frame<'a>> {
    let line = line_number(line)?;
    is_file(file).then(|| Frame::of(file, line))
}
