//! What an ERROR's `err` is made of.

use crate::format::{self, Bounded};
use crate::limits::{ERROR_MESSAGE_BYTES, ERROR_SOURCES, ERROR_STACK_BYTES, KEPT_BUFFER_BYTES};
use log_center_wire::limits::ERROR_TYPE_BYTES;
use std::error::Error;
use std::io;

/// The type of an error that does not tell its own.
pub(crate) const UNKNOWN_TYPE: &str = "Error";

/// Where a failure's words come from; a better origin replaces a worse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Origin {
    /// There are none.
    #[default]
    Nowhere,
    /// A field called `error`, `err` or `exception`, formatted by its owner.
    Text,
    /// A `dyn Error`.
    Error,
}

/// An error that a field named, unescaped.
#[derive(Default)]
pub(crate) struct Failure {
    pub(crate) origin: Origin,
    /// The field that it came by.
    pub(crate) field: String,
    pub(crate) message: String,
    pub(crate) error_type: String,
    /// What each error down the chain says, one a line, as it stands in the stack.
    pub(crate) causes: String,
}

impl Failure {
    pub(crate) fn clear(&mut self) {
        if self.origin != Origin::Nowhere {
            self.origin = Origin::Nowhere;
            self.field.clear();
            self.message.clear();
            self.error_type.clear();
            self.causes.clear();
        }
    }

    /// Whether the buffers have grown larger than what is kept for the next use.
    pub(crate) fn is_oversized(&self) -> bool {
        (self.field.capacity() | self.message.capacity() | self.causes.capacity()) > KEPT_BUFFER_BYTES
    }

    /// Takes an error with its whole chain of sources. `raw` is room to work in.
    pub(crate) fn take_error(&mut self, field: &str, error: &(dyn Error + 'static), raw: &mut String) {
        self.clear();
        self.origin = Origin::Error;
        self.field.push_str(field);
        format::display(&mut self.message, error, ERROR_MESSAGE_BYTES);
        if let Some(error_type) = known_type(error) {
            self.error_type.push_str(error_type);
        } else {
            raw.clear();
            // The name stands at the start; what follows is not looked at.
            format::debug(raw, error, ERROR_TYPE_BYTES + 2);
            self.error_type.push_str(type_in(raw, &self.message));
        }
        for source in sources(error) {
            if self.causes.len() >= ERROR_STACK_BYTES {
                break;
            }
            self.causes.push_str("\nCaused by: ");
            format::display(&mut self.causes, source, ERROR_MESSAGE_BYTES);
        }
    }

    /// Takes what a field says about an error.
    pub(crate) fn take_text(&mut self, field: &str, text: &str) {
        self.clear();
        self.origin = Origin::Text;
        self.field.push_str(field);
        self.error_type.push_str(type_in(text, ""));
        self.message.push_str(text);
    }
}

/// Whether a field of this name tells about an error.
pub(crate) fn names_error(field: &str) -> bool {
    matches!(field, "error" | "err" | "exception")
}

/// The error and its sources on one line, as an extra field has it.
pub(crate) fn write_chain(out: &mut Bounded<'_>, error: &(dyn Error + 'static)) {
    out.display(error);
    for source in sources(error) {
        out.text(": ");
        out.display(source);
    }
}

/// The errors below one. It stops where asking for the next one panics.
pub(crate) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| format::source(*error);
    std::iter::successors(format::source(error), next).take(ERROR_SOURCES)
}

/// Errors whose `Debug` says something else than their name.
fn known_type(error: &(dyn Error + 'static)) -> Option<&'static str> {
    error.is::<io::Error>().then_some("io::Error")
}

/// The type's name at the start of a derived `Debug` (`Declined { code: 5 }`, `Timeout`, `Io(…)`); of an enum that
/// is the variant, which tells failures apart better than the enum's name does. A text that is not of that form,
/// or that is the message again, has no name in it.
fn type_in<'a>(debug: &'a str, message: &str) -> &'a str {
    let end = debug.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(debug.len());
    let (name, rest) = debug.split_at(end);
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() <= ERROR_TYPE_BYTES;
    let is_debug = rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {");
    if is_name && is_debug && debug != message { name } else { UNKNOWN_TYPE }
}
