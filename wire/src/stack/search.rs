//! Searching for short words. The standard library prepares a search that is fast in long texts; for the many words that are looked for
//! in each short line of a stack, that takes longer than the search.

/// Where `word`, which must not be empty, first stands.
pub(super) fn find(text: &str, word: &str) -> Option<usize> {
    starts(text, word).next()
}

/// What stands before the first `word`, and what behind it.
pub(super) fn split_once<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    find(text, word).map(|start| around(text, start, word))
}

/// What stands before the last `word`, and what behind it.
pub(super) fn split_last<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    starts(text, word).next_back().map(|start| around(text, start, word))
}

/// Where `word` stands. The words are short, so that looking at each place where the first byte fits is linear in the text.
pub(super) fn starts(text: &str, word: &str) -> impl DoubleEndedIterator<Item = usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(word.as_bytes()[0], bytes)
        .filter(move |&start| bytes[start..].starts_with(word.as_bytes()))
}

fn around<'a>(text: &'a str, start: usize, word: &str) -> (&'a str, &'a str) {
    (&text[..start], &text[start + word.len()..])
}
