//! Running other people's `Debug`, `Display` and `source`. They may write without end, and they may panic; neither
//! reaches the program. What was written up to there is kept.

use crate::line::escape::{boundary, push_json};
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Stands where formatting a value panicked.
const PANICKED: &str = "<panicked>";

/// A text that takes no more than its limit. What is cut ends with `…`.
pub(crate) struct Bounded<'a> {
    text: &'a mut String,
    end: usize,
    cut: bool,
}

impl<'a> Bounded<'a> {
    pub(crate) fn new(text: &'a mut String, limit: usize) -> Self {
        let end = text.len() + limit;
        Self { text, end, cut: false }
    }

    pub(crate) fn text(&mut self, text: &str) {
        // An error only says that the limit was met.
        let _ = self.write_str(text);
    }

    pub(crate) fn display(&mut self, value: &(impl fmt::Display + ?Sized)) {
        run(self, format_args!("{value}"));
    }

    pub(crate) fn debug(&mut self, value: &dyn fmt::Debug) {
        run(self, format_args!("{value:?}"));
    }
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.end.saturating_sub(self.text.len());
        let fits = boundary(text, room);
        self.text.push_str(&text[..fits]);
        if fits < text.len() {
            self.text.push('…');
            self.cut = true;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// The inside of a JSON string.
struct Json<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
    cut: bool,
}

impl fmt::Write for Json<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.end.saturating_sub(self.out.len());
        self.cut = !push_json(self.out, text, room);
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}

/// `Debug`, into whatever wants to see the start of it.
pub(crate) fn debug(out: &mut impl Write, value: &(impl fmt::Debug + ?Sized)) {
    run(out, format_args!("{value:?}"));
}

/// `Debug`, straight into the inside of a JSON string of at most `limit` bytes.
pub(crate) fn debug_json(out: &mut Vec<u8>, value: &dyn fmt::Debug, limit: usize) {
    let end = out.len() + limit;
    run(&mut Json { out, end, cut: false }, format_args!("{value:?}"));
}

/// `Display`, likewise.
pub(crate) fn display_json(out: &mut Vec<u8>, value: &(impl fmt::Display + ?Sized), limit: usize) {
    let end = out.len() + limit;
    run(&mut Json { out, end, cut: false }, format_args!("{value}"));
}

/// The source of an error; none if asking for it panics.
pub(crate) fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).ok().flatten()
}

fn run(out: &mut impl Write, arguments: fmt::Arguments<'_>) {
    // Unwind safe: the text is whole after every write, and nothing else is shared with what panicked.
    if catch_unwind(AssertUnwindSafe(|| out.write_fmt(arguments))).is_err() {
        let _ = out.write_str(PANICKED);
    }
}
