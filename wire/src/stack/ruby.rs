//! Ruby: `/srv/shop/cart.rb:42:in 'Cart#total': no price (Failed)`, `from /srv/shop/pay.rb:17:in 'Pay#run'`, and from Ruby 2.5 to 2.7
//! on terminals the other way round, numbered: `2: from bin/shop:3:in …`.

use super::frame::Frame;
use super::location::{has_extension, line_number, location};
use super::search::{find, split_once};

const EXTENSIONS: [&str; 7] = ["rb", "rake", "ru", "erb", "haml", "slim", "gemspec"];

/// A frame, and how many frames are inside of it, if it says so.
pub(super) fn frame(text: &str) -> Option<(Frame<'_>, i64)> {
    let (text, distance) = without_number(text);
    let (place, is_caller) = match text.strip_prefix("from ") {
        Some(place) => (place, true),
        None => (text, false),
    };
    let end = [":in '", ":in `"].iter().filter_map(|word| find(place, word)).min();
    let found = location(&place[..end.unwrap_or(place.len())]).filter(|found| !found.column)?;
    let is_frame =
        end.is_some() || has_extension(found.file, &EXTENSIONS) || (is_caller && found.file.contains('/'));
    is_frame.then(|| (Frame::of(found.file, found.line), distance))
}

fn without_number(text: &str) -> (&str, i64) {
    let numbered = split_once(text, ": ").filter(|(_, rest)| rest.starts_with("from "));
    match numbered.and_then(|(number, rest)| Some((rest, i64::from(line_number(number)?)))) {
        Some(numbered) => numbered,
        None => (text, 0),
    }
}
