//! The lines of a stack, without what log pipelines, terminals and ExceptionGroups put around them.

use std::borrow::Cow;
use std::ops::Range;

const ESCAPE: u8 = 0x1b;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Without blanks at either end and without what stands before it.
    pub(super) text: &'a str,
    /// How many blanks stand before it.
    pub(super) indent: usize,
    /// Whether a `|` stands before it.
    pub(super) piped: bool,
}

/// `text` without the escape sequences that colour it (`ESC [ … letter`).
pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    if memchr::memchr(ESCAPE, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut pieces = text.split(char::from(ESCAPE));
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.strip_prefix('[').and_then(|rest| rest.find(|c: char| ('@'..='~').contains(&c)));
        // Two: the bracket and the letter.
        plain.push_str(end.map_or(piece, |end| &piece[end + 2..]));
    }
    Cow::Owned(plain)
}

/// The lines of `text`, without empty ones and without those that only repeat `message`.
pub(super) fn lines<'a>(text: &'a str, message: &str) -> impl Iterator<Item = Line<'a>> {
    let mut messages = message_ranges(text, message).peekable();
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let range = start..start + line.trim_end_matches(['\n', '\r']).len();
        start += line.len();
        while messages.next_if(|message| message.end < range.end).is_some() {}
        let repeats = messages.peek().is_some_and(|message| message.start <= range.start);
        (!repeats).then(|| undecorated(line)).filter(|line| !line.text.is_empty())
    })
}

/// Where the message stands in the text. One of a single line is not searched for, because with a name before it, it is
/// no frame, and without one it stands at the beginning.
fn message_ranges(text: &str, message: &str) -> impl Iterator<Item = Range<usize>> {
    let several_lines = message.contains('\n');
    let searched = if several_lines { message } else { "\n" };
    let limit = if several_lines { usize::MAX } else { 0 };
    let at_start = !several_lines && !message.is_empty() && text.starts_with(message);
    let matches = text.match_indices(searched).take(limit).map(|(start, found)| start..start + found.len());
    at_start.then_some(0..message.len()).into_iter().chain(matches)
}

fn undecorated(line: &str) -> Line<'_> {
    let mut rest = trim_end(line);
    let mut piped = false;
    if let Some(after) = after_service(rest) {
        (rest, piped) = (after, true);
    }
    loop {
        let text = rest.trim_start_matches([' ', '\t']);
        let Some(after) = text.strip_prefix(is_frame_of_a_tree) else {
            return Line { text, indent: rest.len() - text.len(), piped };
        };
        piped |= text.starts_with('|');
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
}

/// A text without the blanks at its end.
pub(super) fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t', '\r', '\n'])
}

/// `|`, and the characters with which boxes and trees are drawn.
fn is_frame_of_a_tree(c: char) -> bool {
    c == '|' || ('\u{2500}'..='\u{257f}').contains(&c)
}

/// What follows `web-1  | `, with which a supervisor of several services begins each line.
fn after_service(line: &str) -> Option<&str> {
    let name = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))?;
    let after = line[name..].trim_start_matches(' ');
    let blanks = line.len() - name - after.len();
    if name == 0 || blanks == 0 { None } else { after.strip_prefix("| ") }
}
