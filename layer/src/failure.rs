//! What an ERROR's `err` is made of.

use crate::callsite::FieldFacts;
use crate::chain;
use crate::format::{self, Bounded};
use crate::limits::{ERROR_MESSAGE_BYTES, ERROR_SOURCES, ERROR_STACK_BYTES, KEPT_BUFFER_BYTES};
use crate::line::escape::push_json;
use crate::process::PanicNote;
use crate::redact::{Hook, ask};
use crate::trace::{self, Told};
use crate::type_name::TypeName;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// What stands before each source of an error in the stack, escaped.
pub(crate) const CAUSED_BY: &[u8] = b"\\nCaused by: ";

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
    /// What the error says, and behind it each error down the chain on a line of its own, as it stands in the
    /// stack; escaped.
    escaped: Vec<u8>,
    message_len: usize,
    /// Lines of a backtrace, each behind a line feed, as they are.
    pub(crate) trace: String,
    /// The panic that it was.
    pub(crate) panic: Option<Arc<PanicNote>>,
}

impl Failure {
    /// Forgets what was said of an error; a backtrace is none of that.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.origin != Origin::Nowhere {
            self.origin = Origin::Nowhere;
            self.field = None;
            self.text.clear();
            self.escaped.clear();
            self.message_len = 0;
            self.panic = None;
        }
    }

    /// Whether the buffers have grown larger than what is kept for the next use.
    #[inline]
    pub(crate) fn is_oversized(&self) -> bool {
        (self.text.capacity() | self.escaped.capacity() | self.trace.capacity()) > KEPT_BUFFER_BYTES
    }

    /// Whether it came by this very field.
    pub(crate) fn is_of(&self, field: &FieldFacts) -> bool {
        self.field.is_some_and(|own| std::ptr::eq(own, field))
    }

    /// Takes an error with its whole chain of sources.
    pub(crate) fn take_error(
        &mut self,
        field: &'static FieldFacts,
        error: &(dyn Error + 'static),
        hook: Option<&Hook>,
    ) {
        self.clear();
        self.origin = Origin::Error;
        self.field = Some(field);
        let known = known_type(error);
        let type_name = known.is_none().then_some(&mut self.error_type);
        self.message_len = chain::write(&mut self.escaped, type_name, error);
        if let Some(name) = known {
            self.error_type.set(name);
        }
        if let Some(hook) = hook {
            self.say_again(error, hook);
        }
    }

    /// The words once more, each as the program wants it shown.
    #[cold]
    fn say_again(&mut self, error: &(dyn Error + 'static), hook: &Hook) {
        let words = |error: &(dyn Error + 'static)| {
            let mut words = String::new();
            Bounded::new(&mut words, ERROR_MESSAGE_BYTES).display(error);
            ask(hook, "err.msg", &words).unwrap_or(words)
        };
        self.say(&words(error), sources(error).map(words));
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
    pub(crate) fn tell(
        &mut self,
        error_type: &str,
        message: &str,
        causes: impl Iterator<Item = impl AsRef<str>>,
    ) {
        self.clear();
        self.origin = Origin::Error;
        self.error_type.set(error_type);
        self.say(message, causes);
    }

    fn say(&mut self, message: &str, causes: impl Iterator<Item = impl AsRef<str>>) {
        self.escaped.clear();
        push_json(&mut self.escaped, message, ERROR_MESSAGE_BYTES);
        self.message_len = self.escaped.len();
        for cause in causes {
            let Some(room) = room_for_cause(self.escaped.len() - self.message_len) else { break };
            self.escaped.extend_from_slice(CAUSED_BY);
            push_json(&mut self.escaped, cause.as_ref(), room);
        }
    }

    /// Takes a panic.
    pub(crate) fn take_panic(&mut self, note: &Arc<PanicNote>, hook: Option<&Hook>) {
        self.clear();
        self.origin = Origin::Error;
        self.error_type.set("panic");
        let changed = hook.and_then(|hook| ask(hook, "err.msg", &note.message));
        self.say(changed.as_deref().unwrap_or(&note.message), std::iter::empty::<&str>());
        self.panic = Some(Arc::clone(note));
    }

    /// Escapes what is not yet, once it is sure that this is what goes into the line.
    #[inline]
    pub(crate) fn finish(&mut self) {
        if self.origin == Origin::Text {
            let text = std::mem::take(&mut self.text);
            match Told::read(&text) {
                Some(told) => {
                    trace::push_lines(&mut self.trace, &told.rest);
                    self.say(told.message, told.causes.into_iter());
                }
                None => self.say(&text, std::iter::empty::<&str>()),
            }
            self.text = text;
        }
    }

    /// Adds the backtrace to here, unless there is another one already.
    #[inline]
    pub(crate) fn trace_here(&mut self) {
        if self.trace.is_empty() && !self.text.contains('\n') {
            trace::push_here(&mut self.trace);
        }
    }

    /// Writes the backtrace into the inside of a JSON string.
    #[cold]
    pub(crate) fn write_trace(&self, line: &mut Vec<u8>) {
        let used = self.escaped.len() - self.message_len;
        push_json(line, &self.trace, ERROR_STACK_BYTES.saturating_sub(used));
    }

    /// What the error says, escaped.
    pub(crate) fn message(&self) -> &[u8] {
        &self.escaped[..self.message_len]
    }

    /// The same, and what each error down the chain says.
    pub(crate) fn message_and_causes(&self) -> &[u8] {
        &self.escaped
    }
}

/// How much the next error down the chain may say after so many bytes of others.
pub(crate) fn room_for_cause(used: usize) -> Option<usize> {
    let room = ERROR_STACK_BYTES.checked_sub(used)?;
    Some(room.min(ERROR_MESSAGE_BYTES))
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
