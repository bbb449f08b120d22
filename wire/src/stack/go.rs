//! Go: the name of a function, and below it `/srv/shop/cart.go:42 +0x1d`.

use super::frame::{Best, Frame};
use super::location::{has_extension, location};
use super::own;
use super::search::split_last;
use super::sections::Sections;

#[derive(Default)]
pub(super) struct Reader<'a> {
    pub(super) best: Best<'a>,
    sections: Sections,
    goroutines: usize,
}

impl<'a> Reader<'a> {
    /// Whether the line is Go's.
    pub(super) fn read(&mut self, text: &'a str, number: usize) -> bool {
        if text.starts_with("goroutine ") && text.ends_with(':') {
            self.goroutines += 1;
            if self.goroutines > 1 {
                self.sections.earlier();
            }
            return true;
        }
        // The frames above are those of the functions that recovered. Of several panics, the lowest began it.
        if text.starts_with("panic(") && self.goroutines < 2 {
            self.sections.later();
            return true;
        }
        let Some(frame) = frame(text) else { return false };
        self.best.offer(frame, self.sections.rank(), number);
        true
    }
}

fn frame(text: &str) -> Option<Frame<'_>> {
    let place = match split_last(text, " +0x") {
        Some((place, offset)) if offset.bytes().all(|byte| byte.is_ascii_hexdigit()) => place,
        _ => text,
    };
    let found = location(place).filter(|found| !found.column && has_extension(found.file, &["go", "s"]))?;
    let frame = Frame::of(found.file, found.line);
    Some(Frame { own: frame.own && !own::is_go_library(frame.file), ..frame })
}
