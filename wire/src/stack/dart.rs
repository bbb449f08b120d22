//! Dart: `#0      Cart.total (package:shop/cart.dart:42:7)`, and `package:shop/cart.dart 42:7  Cart.total`, the short form of the
//! package `stack_trace`.

use super::frame::Frame;
use super::location::{is_file, line_number, location};
use super::search::find;

pub(super) fn frame(text: &str) -> Option<Frame<'_>> {
    let place = match text.strip_prefix('#') {
        Some(numbered) => numbered.strip_suffix(')')?.rsplit_once(" (")?.1,
        None => return short(text),
    };
    let found = location(place)?;
    Some(Frame::of(found.file, found.line))
}

fn short(text: &str) -> Option<Frame<'_>> {
    let end = find(text, ".dart ")? + ".dart".len();
    let line = text[end + 1..].split([':', ' ']).next()?;
    let (file, line) = (&text[..end], line_number(line)?);
    is_file(file).then(|| Frame::of(file, line))
}
