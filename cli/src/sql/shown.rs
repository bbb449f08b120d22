//! An answer on a terminal, which must not obey what is in it.

use super::Format;
use crate::style::{plain_json, plain_lines};

/// Makes the pieces of an answer harmless, one after the other.
pub(super) struct Shown {
    format: Format,
    /// The beginning of a character whose end has not come yet.
    open: Vec<u8>,
}

impl Shown {
    pub(super) fn new(format: Format) -> Self {
        Self { format, open: Vec::new() }
    }

    /// The next piece. What is not UTF-8 is shown as such.
    pub(super) fn next(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.open);
        bytes.extend_from_slice(piece);
        if let Some(end) = unfinished(&bytes) {
            self.open = bytes.split_off(end);
        }
        let text = String::from_utf8_lossy(&bytes);
        match self.format {
            Format::Json => plain_json(&text).into_owned(),
            _ => plain_lines(&text).into_owned(),
        }
    }
}

/// Where a character begins that has not come to its end.
fn unfinished(bytes: &[u8]) -> Option<usize> {
    let last = bytes.utf8_chunks().last()?;
    let invalid = last.invalid();
    let is_open = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
    (is_open && !invalid.is_empty()).then(|| bytes.len() - invalid.len())
}

#[cfg(test)]
mod tests {
    use super::{Format, Shown};

    #[test]
    fn a_piece_may_end_within_a_character() {
        let text = "\"a\"\n\"ä€😀\u{9b}31m\u{1b}[2J\"\n".as_bytes();
        for step in 1..text.len() {
            let mut shown = Shown::new(Format::Csv);
            let all: String = text.chunks(step).map(|piece| shown.next(piece)).collect();
            assert_eq!(all, "\"a\"\n\"ä€😀\\u{9b}31m\\u{1b}[2J\"\n", "{step}");
        }
        let mut shown = Shown::new(Format::Json);
        assert_eq!(shown.next(b"{\"a\":\"\xc2\x9b\xff\"}\n"), "{\"a\":\"\\u009b\u{fffd}\"}\n");
        assert_eq!(shown.next(b"\xff\xe2\x82") + &shown.next(b"\xac"), "\u{fffd}€");
    }
}
