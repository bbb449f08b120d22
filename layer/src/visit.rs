//! The eyes of the layer: what `tracing` shows, value by value, into [`Captured`]. What becomes of each value is in
//! the facts of its callsite.

use crate::callsite::{Facts, FieldFacts, Role};
use crate::capture::Captured;
use crate::failure::{Origin, write_chain};
use crate::fields::Column;
use crate::format::{self, Bounded};
use crate::limits::{ERROR_STACK_BYTES, MESSAGE_BYTES, VALUE_BYTES};
use crate::line::Draft;
use crate::line::escape::push_json;
use crate::redact::{Hook, REDACTED, ask, in_address};
use crate::trace;
use std::error::Error;
use std::fmt;
use tracing_core::Field;
use tracing_core::field::Visit;

/// Reads an event, a new span, or what is recorded on one later.
pub(crate) struct Visitor<'a> {
    pub(crate) facts: &'static Facts,
    pub(crate) captured: &'a mut Captured,
    /// The program's say in what is shown.
    pub(crate) hook: Option<&'a Hook>,
    /// Where an event's message goes.
    pub(crate) draft: Draft<'a>,
}

impl Visitor<'_> {
    /// None for a field of another callsite, which `tracing` does not show.
    #[inline]
    fn facts(&self, field: &Field) -> Option<&'static FieldFacts> {
        self.facts.fields.get(field.index())
    }

    /// A value that needs neither quotes nor escapes.
    #[inline]
    fn place_plain(&mut self, field: &Field, value: &str) {
        let Some(facts) = self.facts(field) else { return };
        if facts.role == Role::Plain {
            self.captured.push_plain_pair(facts.key, value);
        } else {
            self.place_as_it_is(facts, value);
        }
    }

    /// A number, or what is none that every reader of JSON takes: that is a text.
    #[inline]
    fn place_number(&mut self, field: &Field, value: &str, is_json: bool) {
        if is_json {
            self.place_plain(field, value);
        } else if let Some(facts) = self.facts(field) {
            self.place_as_it_is(facts, value);
        }
    }

    /// A text, or what was formatted.
    #[inline(never)]
    fn place(&mut self, facts: &'static FieldFacts, value: &str) {
        if let Some(hook) = self.hook {
            self.place_asked(hook, facts, value);
        } else {
            self.place_as_it_is(facts, value);
        }
    }

    #[cold]
    fn place_asked(&mut self, hook: &Hook, facts: &'static FieldFacts, value: &str) {
        let key = match facts.role {
            Role::Redacted => return self.place_as_it_is(facts, value),
            // What ties records together is not the program's to change once it is said.
            Role::Column(Column::ReqId | Column::SpanId | Column::ParentId) => None,
            Role::Backtrace | Role::LogFile | Role::LogLine | Role::Dropped => None,
            Role::Message => Some("msg"),
            Role::Error => Some("err.msg"),
            Role::Column(_) | Role::Plain | Role::Address => Some(facts.name),
        };
        let changed = key.and_then(|key| ask(hook, key, value));
        self.place_as_it_is(facts, changed.as_deref().unwrap_or(value));
    }

    #[inline(never)]
    fn place_as_it_is(&mut self, facts: &'static FieldFacts, value: &str) {
        match facts.role {
            Role::Plain => self.captured.push_pair(facts.key, value),
            Role::Column(Column::Url) | Role::Address => self.place_address(facts, value),
            Role::Column(column) => self.captured.push_column(column, facts.key, value),
            Role::Message => {
                self.draft.write_message(|line| {
                    push_json(line, value, MESSAGE_BYTES);
                    format::Origin { address: value.as_ptr().addr(), len: value.len(), pieces: 1 }
                });
            }
            Role::Error => self.place_error_text(facts, value),
            Role::Redacted => self.captured.push_pair(facts.key, REDACTED),
            Role::Backtrace => trace::push_given(&mut self.captured.failure.trace, value),
            Role::LogFile => self.captured.log_file.push_str(value),
            Role::LogLine => self.captured.log_line = value.parse().unwrap_or(0),
            Role::Dropped => {}
        }
    }

    #[inline(never)]
    fn place_address(&mut self, facts: &'static FieldFacts, value: &str) {
        let value = in_address(&self.facts.style.settings.redaction, value);
        match facts.role {
            Role::Column(column) => self.captured.push_column(column, facts.key, &value),
            _ => self.captured.push_pair(facts.key, &value),
        }
    }

    /// Formats a value and places it.
    fn place_formatted(
        &mut self,
        facts: &'static FieldFacts,
        limit: usize,
        write: impl FnOnce(&mut Bounded<'_>),
    ) {
        if facts.role == Role::Redacted {
            // Not even formatted.
            self.place_as_it_is(facts, "");
            return;
        }
        let mut raw = std::mem::take(&mut self.captured.raw);
        raw.clear();
        write(&mut Bounded::new(&mut raw, limit));
        self.place(facts, &raw);
        self.captured.raw = raw;
    }

    /// The first field that tells of an error becomes `err`, unless a real error comes; the same field once more
    /// replaces it, any other is an extra field.
    fn place_error_text(&mut self, facts: &'static FieldFacts, value: &str) {
        let failure = &mut self.captured.failure;
        if failure.origin == Origin::Nowhere || failure.is_of(facts) {
            failure.take_text(facts, value);
        } else {
            self.captured.push_pair(facts.key, value);
        }
    }

    fn place_error(&mut self, facts: &'static FieldFacts, error: &(dyn Error + 'static)) {
        let captured = &mut *self.captured;
        match captured.failure.origin {
            Origin::Error if !captured.failure.is_of(facts) => {
                // Whatever it is called, it is not the one.
                let mut raw = std::mem::take(&mut captured.raw);
                raw.clear();
                write_chain(&mut Bounded::new(&mut raw, VALUE_BYTES), error);
                let changed = self.hook.and_then(|hook| ask(hook, facts.name, &raw));
                captured.push_pair(facts.key, changed.as_deref().unwrap_or(&raw));
                captured.raw = raw;
                return;
            }
            Origin::Text if !captured.failure.is_of(facts) => {
                let words = std::mem::take(&mut captured.failure.text);
                if let Some(field) = captured.failure.field {
                    captured.push_pair(field.key, &words);
                }
                captured.failure.text = words;
            }
            _ => {}
        }
        captured.failure.take_error(facts, error, self.hook);
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let Some(facts) = self.facts(field) else { return };
        if self.hook.is_some() {
            self.place(facts, value);
            return;
        }
        match facts.role {
            Role::Plain => self.captured.push_pair(facts.key, value),
            Role::Column(Column::ReqId) => self.captured.push_req_id(facts.key, value),
            Role::Column(Column::Url) | Role::Address => self.place_address(facts, value),
            Role::Column(column) => self.captured.push_column(column, facts.key, value),
            _ => self.place_as_it_is(facts, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.place_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.place_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let mut digits = itoa::Buffer::new();
        let fits = i64::try_from(value).is_ok() || u64::try_from(value).is_ok();
        self.place_number(field, digits.format(value), fits);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.place_number(field, itoa::Buffer::new().format(value), u64::try_from(value).is_ok());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.place_plain(field, if value { "true" } else { "false" });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // NaN and the infinities come out as words.
        self.place_number(field, zmij::Buffer::new().format(value), value.is_finite());
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let Some(facts) = self.facts(field) else { return };
        self.place_formatted(facts, VALUE_BYTES, |out| write_hex(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Some(facts) = self.facts(field) else { return };
        match facts.role {
            Role::Message if self.hook.is_none() => {
                self.draft.write_message(|line| format::message(line, value, MESSAGE_BYTES));
            }
            Role::Message => self.place_formatted(facts, MESSAGE_BYTES, |out| out.debug(value)),
            Role::Backtrace => self.place_formatted(facts, ERROR_STACK_BYTES, |out| out.debug(value)),
            // Its `Debug` may have a backtrace in it.
            Role::Error => self.place_formatted(facts, ERROR_STACK_BYTES, |out| out.debug(value)),
            _ => self.place_formatted(facts, VALUE_BYTES, |out| out.debug(value)),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(facts) = self.facts(field) else { return };
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(record) = value.downcast_ref::<crate::hop::HopRecord>() {
            record.capture(self.facts.style, self.hook, self.captured);
            return;
        }
        if self.facts.fails && facts.role != Role::Redacted {
            self.place_error(facts, value);
        } else {
            self.place_formatted(facts, VALUE_BYTES, |out| write_chain(out, value));
        }
    }
}

fn write_hex(out: &mut Bounded<'_>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // One byte more than fits, so that the cut is marked.
    for byte in bytes.iter().take(VALUE_BYTES / 2 + 1) {
        let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        out.text(std::str::from_utf8(&digits).unwrap_or_default());
    }
}
