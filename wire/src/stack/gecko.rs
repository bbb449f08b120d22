//! Firefox, Safari and what imitates them: `add@https://shop/cart.js:10:5`, `@https://shop/cart.js:10:5`,
//! `https://shop/cart.js:10:5`, `add@https://shop/cart.js line 5 > eval:1:1`.

use super::frame::Frame;
use super::location::{is_file, line_number, location, scheme, without_query};
use super::search::{find, split_last, split_once};

pub(super) fn frame(text: &str) -> Option<Frame<'_>> {
    let place = place(text);
    if let Some(frame) = evaluated(place) {
        return Some(frame);
    }
    let found = location(place)?;
    let absolute = has_scheme(place);
    let is_frame = if place.len() == text.len() {
        absolute || (found.column && place.starts_with('/'))
    } else {
        absolute || found.column || place.starts_with('/')
    };
    is_frame.then(|| Frame::of(found.file, found.line))
}

/// What stands behind the `@`; the whole text if there is none. Names of functions and addresses may have an `@`, too.
fn place(text: &str) -> &str {
    let name = computed_name(text);
    let after = |at: usize| &text[at + 1..];
    let all = || text[name..].match_indices('@').map(|(at, _)| name + at);
    let address = all().find(|&at| has_scheme(after(at)));
    let path = || all().find(|&at| after(at).starts_with(['/', '[']));
    let first = || all().next();
    address.or_else(path).or_else(first).map_or(text, after)
}

/// How long the beginning of a text is that ends with a property's name in quotes: `cart["a@b"]`.
fn computed_name(text: &str) -> usize {
    let mut end = 0;
    while let Some(open) = find(&text[end..], "[\"").map(|open| end + open) {
        let Some(close) = find(&text[open + 2..], "\"]") else { break };
        end = open + 2 + close + 2;
    }
    end
}

/// Whether the text begins with an address: a scheme and a slash, or a blob.
fn has_scheme(text: &str) -> bool {
    scheme(text).is_some_and(|rest| rest.starts_with('/'))
        || text.starts_with("blob:")
        || text.starts_with("node:")
}

/// The place of the outermost `eval`, which alone is in a file.
fn evaluated(place: &str) -> Option<Frame<'_>> {
    let (before, _) = split_once(place, " > ")?;
    let (file, line) = split_last(before, " line ")?;
    let line = line_number(line)?;
    let file = without_query(file);
    is_file(file).then(|| Frame::of(file, line))
}
