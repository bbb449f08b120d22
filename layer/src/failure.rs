//! What an ERROR's `err` is made of.

use crate::callsite::FieldFacts;
use crate::format::{self, Bounded};
use crate::limits::{ERROR_MESSAGE_BYTES, ERROR_SOURCES, ERROR_STACK_BYTES, KEPT_BUFFER_BYTES};
use crate::line::escape::push_json;
use crate::process::PanicNote;
use log_center_wire::limits::ERROR_TYPE_BYTES;
use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::sync::Arc;

/// The type of an error that does not tell its own.
pub(crate) const UNKNOWN_TYPE: &[u8] = b"Error";

/// What stands before each source of an error in the stack, escaped.
const CAUSED_BY: &[u8] = b"\\nCaused by: ";

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

/// An error that a field named.
#[derive(Default)]
pub(crate) struct Failure {
    pub(crate) origin: Origin,
    /// The field that it came by.
    pub(crate) field: Option<&'static FieldFacts>,
    /// The words of a field, as they are.
    pub(crate) text: String,
    pub(crate) error_type: TypeName,
    /// What the error says, escaped.
    pub(crate) message: Vec<u8>,
    /// What each error down the chain says, one a line, as it stands in the stack, escaped.
    pub(crate) causes: Vec<u8>,
    /// The panic that it was.
    pub(crate) panic: Option<Arc<PanicNote>>,
}

impl Failure {
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.origin != Origin::Nowhere {
            self.origin = Origin::Nowhere;
            self.field = None;
            self.text.clear();
            self.message.clear();
            self.causes.clear();
            self.panic = None;
        }
    }

    /// Whether the buffers have grown larger than what is kept for the next use.
    pub(crate) fn is_oversized(&self) -> bool {
        (self.text.capacity() | self.message.capacity() | self.causes.capacity()) > KEPT_BUFFER_BYTES
    }

    /// Whether it came by this very field.
    pub(crate) fn is_of(&self, field: &FieldFacts) -> bool {
        self.field.is_some_and(|own| std::ptr::eq(own, field))
    }

    /// Takes an error with its whole chain of sources.
    pub(crate) fn take_error(&mut self, field: &'static FieldFacts, error: &(dyn Error + 'static)) {
        self.clear();
        self.origin = Origin::Error;
        self.field = Some(field);
        format::display_json(&mut self.message, error, ERROR_MESSAGE_BYTES);
        match known_type(error) {
            Some(name) => self.error_type.set(name.as_bytes()),
            None => self.error_type.read(error),
        }
        for source in sources(error) {
            let Some(room) = self.room_for_cause() else { break };
            self.causes.extend_from_slice(CAUSED_BY);
            format::display_json(&mut self.causes, source, room);
        }
    }

    /// Takes what a field says about an error.
    pub(crate) fn take_text(&mut self, field: &'static FieldFacts, text: &str) {
        self.clear();
        self.origin = Origin::Text;
        self.field = Some(field);
        self.error_type.read_text(text);
        self.text.push_str(text);
    }

    /// Takes what this crate itself says of a failure.
    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) fn tell<'a>(
        &mut self,
        error_type: &str,
        message: &str,
        causes: impl Iterator<Item = &'a str>,
    ) {
        self.clear();
        self.origin = Origin::Error;
        self.error_type.set(error_type.as_bytes());
        push_json(&mut self.message, message, ERROR_MESSAGE_BYTES);
        for cause in causes {
            let Some(room) = self.room_for_cause() else { break };
            self.causes.extend_from_slice(CAUSED_BY);
            push_json(&mut self.causes, cause, room);
        }
    }

    /// Takes a panic.
    pub(crate) fn take_panic(&mut self, note: &Arc<PanicNote>) {
        self.clear();
        self.origin = Origin::Error;
        self.error_type.set(b"panic");
        push_json(&mut self.message, &note.message, ERROR_MESSAGE_BYTES);
        self.panic = Some(Arc::clone(note));
    }

    fn room_for_cause(&self) -> Option<usize> {
        let room = ERROR_STACK_BYTES.checked_sub(self.causes.len())?;
        Some(room.min(ERROR_MESSAGE_BYTES))
    }

    /// Escapes what is not yet, once it is sure that this is what goes into the line.
    pub(crate) fn finish(&mut self) {
        if self.origin == Origin::Text {
            push_json(&mut self.message, &self.text, ERROR_MESSAGE_BYTES);
        }
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

/// The name of an error's type, as its `Debug` begins: derived, that is the name (`Declined { code: 5 }`, `Timeout`,
/// `Io(…)`); of an enum it is the variant, which tells failures apart better than the enum's name does. A text that
/// is not of that form has no name in it.
pub(crate) struct TypeName {
    name: [u8; ERROR_TYPE_BYTES],
    len: usize,
    /// What followed the name, until it is clear that it was one.
    after: Option<char>,
    verdict: Option<bool>,
}

impl Default for TypeName {
    fn default() -> Self {
        Self { name: [0; ERROR_TYPE_BYTES], len: 0, after: None, verdict: None }
    }
}

impl TypeName {
    /// Letters, digits, `_` and `:`, which stand for themselves in JSON.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.name[..self.len]
    }

    fn clear(&mut self) {
        (self.len, self.after, self.verdict) = (0, None, None);
    }

    fn set(&mut self, name: &[u8]) {
        self.clear();
        let len = name.len().min(ERROR_TYPE_BYTES);
        self.name[..len].copy_from_slice(&name[..len]);
        self.len = len;
    }

    fn read(&mut self, error: &(dyn Error + 'static)) {
        self.clear();
        // It breaks off where the name ends: what follows is not even formatted.
        format::debug(self, error);
        self.decide();
    }

    fn read_text(&mut self, text: &str) {
        self.clear();
        // An error only says that enough was seen.
        let _ = self.write_str(text);
        self.decide();
    }

    fn decide(&mut self) {
        let ended = self.after.is_none();
        if !(self.verdict.unwrap_or(ended)
            && self.name[..self.len].first().is_some_and(u8::is_ascii_uppercase))
        {
            self.set(UNKNOWN_TYPE);
        }
    }
}

impl Write for TypeName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.verdict.is_some() {
            return Err(fmt::Error);
        }
        let mut rest = text;
        if self.after.is_none() {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let end = text.bytes().position(|byte| !is_name(&byte)).unwrap_or(text.len());
            let Some(place) = self.name.get_mut(self.len..self.len + end) else {
                self.verdict = Some(false);
                return Err(fmt::Error);
            };
            place.copy_from_slice(&text.as_bytes()[..end]);
            self.len += end;
            rest = &text[end..];
        }
        for next in rest.chars() {
            match (self.after, next) {
                (None, '(') | (Some(' '), '{') => self.verdict = Some(true),
                (None, ' ') => {
                    self.after = Some(' ');
                    continue;
                }
                _ => self.verdict = Some(false),
            }
            return Err(fmt::Error);
        }
        Ok(())
    }
}
