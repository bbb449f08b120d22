//! An error and all that it came from, in one run of the formatter: setting that up costs more than what most errors
//! have to say.

use crate::failure::{CAUSED_BY, room_for_cause, sources};
use crate::format::{Json, PANICKED};
use crate::limits::ERROR_MESSAGE_BYTES;
use crate::type_name::TypeName;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt::{self, Debug, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Appends what an error says, and behind it each of its sources on a line of its own, escaped. How long the first
/// part is. The start of its `Debug` goes into `type_name`.
pub(crate) fn write(
    text: &mut Vec<u8>,
    type_name: Option<&mut TypeName>,
    error: &(dyn Error + 'static),
) -> usize {
    let names_type = type_name.is_some();
    let mut nobody = None;
    let type_name = type_name.unwrap_or_else(|| nobody.insert(TypeName::default()));
    let places =
        RefCell::new(Places { text: Json::new(text, ERROR_MESSAGE_BYTES), type_name, in_name: false });
    let chain = Chain { error, names_type, places: &places, message_len: Cell::new(0) };
    // It fails in no way that is not dealt with inside.
    let _ = Writer(&places).write_fmt(format_args!("{chain}"));
    chain.message_len.get()
}

struct Chain<'a> {
    error: &'a (dyn Error + 'static),
    names_type: bool,
    places: &'a RefCell<Places<'a>>,
    message_len: Cell<usize>,
}

/// Where the formatter's words go.
struct Places<'a> {
    text: Json<'a>,
    type_name: &'a mut TypeName,
    in_name: bool,
}

struct Writer<'a>(&'a RefCell<Places<'a>>);

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Never borrowed while foreign code runs, and nobody else writes.
        let mut places = self.0.try_borrow_mut().map_err(|_| fmt::Error)?;
        if places.in_name { places.type_name.write_str(text) } else { places.text.write_str(text) }
    }
}

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.piece(f, |f| Display::fmt(self.error, f));
        let message_len = self.places.borrow().text.len();
        self.message_len.set(message_len);
        if self.names_type {
            let mut places = self.places.borrow_mut();
            places.type_name.clear();
            places.in_name = true;
            drop(places);
            // It breaks off where the name ends: what follows is not even formatted.
            self.piece(f, |f| Debug::fmt(self.error, f));
            let mut places = self.places.borrow_mut();
            places.type_name.decide();
            places.in_name = false;
        }
        for source in sources(self.error) {
            let mut places = self.places.borrow_mut();
            let Some(room) = room_for_cause(places.text.len() - message_len) else { break };
            places.text.begin(CAUSED_BY, room);
            drop(places);
            self.piece(f, |f| Display::fmt(source, f));
        }
        Ok(())
    }
}

impl Chain<'_> {
    /// One piece of foreign code. That it failed says no more than that its limit was met.
    #[inline]
    fn piece(&self, f: &mut fmt::Formatter<'_>, write: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result) {
        // Unwind safe: the text is whole after every write, and nothing else is shared with what panicked.
        if catch_unwind(AssertUnwindSafe(|| write(f))).is_err() {
            let _ = f.write_str(PANICKED);
        }
    }
}
