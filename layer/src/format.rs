//! Running other people's `Debug`, `Display` and `source`. They may write without end, and they may panic; neither
//! reaches the program. What was written up to there is kept.

use crate::line::escape::{boundary, push_json};
use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Stands where formatting a value panicked.
pub(crate) const PANICKED: &str = "<panicked>";

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
pub(crate) struct Json<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
    cut: bool,
}

impl<'a> Json<'a> {
    /// At the end of a text, of which it may take so much more.
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        let end = out.len() + limit;
        Self { out, end, cut: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Begins the next part: what stands before it, escaped already, and its own limit.
    pub(crate) fn begin(&mut self, opening: &[u8], limit: usize) {
        self.out.extend_from_slice(opening);
        self.end = self.out.len() + limit;
        self.cut = false;
    }
}

impl fmt::Write for Json<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.end.saturating_sub(self.out.len());
        self.cut = !push_json(self.out, text, room);
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}

/// A message on its way into a line.
struct Message<'a> {
    json: Json<'a>,
    origin: Origin,
}

/// How a message came: where its first piece lies, and how many pieces it was written in. A constant text is one,
/// and always lies at the same place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin {
    pub(crate) address: usize,
    pub(crate) len: usize,
    pub(crate) pieces: u32,
}

impl fmt::Write for Message<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.origin.address, self.origin.len) = (text.as_ptr().addr(), text.len());
        self.origin.pieces += 1;
        self.json.write_str(text)
    }
}

/// `Debug`, straight into the inside of a JSON string of at most `limit` bytes.
#[inline]
pub(crate) fn message(out: &mut Vec<u8>, value: &dyn fmt::Debug, limit: usize) -> Origin {
    let mut message = Message { json: Json::new(out, limit), origin: Origin::default() };
    run(&mut message, format_args!("{value:?}"));
    message.origin
}

/// The source of an error; none if asking for it panics.
#[inline]
pub(crate) fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).ok().flatten()
}

#[inline]
fn run(out: &mut impl Write, arguments: fmt::Arguments<'_>) {
    // Unwind safe: the text is whole after every write, and nothing else is shared with what panicked.
    if catch_unwind(AssertUnwindSafe(|| out.write_fmt(arguments))).is_err() {
        let _ = out.write_str(PANICKED);
    }
}
