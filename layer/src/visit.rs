//! The eyes of the layer: what `tracing` shows, value by value, into [`Captured`].

use crate::capture::Captured;
use crate::failure::{Origin, names_error, write_chain};
use crate::fields::Column;
use crate::format::{self, Bounded};
use crate::limits::{ERROR_MESSAGE_BYTES, MESSAGE_BYTES, VALUE_BYTES};
use crate::line::escape::push_json;
use std::error::Error;
use std::fmt;
use tracing_core::Field;
use tracing_core::field::Visit;

/// Reads an event.
pub(crate) struct EventVisitor<'a> {
    pub(crate) captured: &'a mut Captured,
    /// Whether the record will have an `err`.
    pub(crate) fails: bool,
}

/// Reads a new span, or what is recorded on one later.
pub(crate) struct SpanVisitor<'a> {
    pub(crate) captured: &'a mut Captured,
    /// Whether this span opens a request: then `url`, `ip` and `ua` are the client's.
    pub(crate) opens_request: bool,
}

/// Where a value goes once it is text.
trait Place {
    fn captured(&mut self) -> &mut Captured;
    fn place(&mut self, name: &str, value: &str);
    fn place_plain(&mut self, name: &str, value: &str);

    fn place_formatted(&mut self, name: &str, limit: usize, write: impl FnOnce(&mut Bounded<'_>)) {
        let mut raw = std::mem::take(&mut self.captured().raw);
        raw.clear();
        write(&mut Bounded::new(&mut raw, limit));
        self.place(name, &raw);
        self.captured().raw = raw;
    }
}

impl Place for EventVisitor<'_> {
    fn captured(&mut self) -> &mut Captured {
        self.captured
    }

    fn place(&mut self, name: &str, value: &str) {
        if name == "message" {
            let start = self.captured.text.len();
            push_json(&mut self.captured.text, value, MESSAGE_BYTES);
            self.captured.message = Some((start..self.captured.text.len()).into());
        } else if self.fails && names_error(name) {
            self.place_error_text(name, value);
        } else {
            self.captured.push_pair(name, value);
        }
    }

    fn place_plain(&mut self, name: &str, value: &str) {
        if name == "message" || (self.fails && names_error(name)) {
            self.place(name, value);
        } else {
            self.captured.push_plain_pair(name, value);
        }
    }
}

impl EventVisitor<'_> {
    /// The first field that tells of an error becomes `err`, unless a real error comes; the same field once more
    /// replaces it, any other is an extra field.
    fn place_error_text(&mut self, name: &str, value: &str) {
        let failure = &mut self.captured.failure;
        if failure.origin == Origin::Nowhere || failure.field == name {
            failure.take_text(name, value);
        } else {
            self.captured.push_pair(name, value);
        }
    }

    fn place_error(&mut self, name: &str, error: &(dyn Error + 'static)) {
        let captured = &mut *self.captured;
        if captured.failure.origin == Origin::Error && captured.failure.field != name {
            self.place_formatted(name, VALUE_BYTES, |out| write_chain(out, error));
            return;
        }
        if captured.failure.origin == Origin::Text && captured.failure.field != name {
            let mut failure = std::mem::take(&mut captured.failure);
            captured.push_pair(&failure.field, &failure.message);
            failure.clear();
            captured.failure = failure;
        }
        captured.failure.take_error(name, error, &mut captured.raw);
    }
}

impl Place for SpanVisitor<'_> {
    fn captured(&mut self) -> &mut Captured {
        self.captured
    }

    fn place(&mut self, name: &str, value: &str) {
        match Column::named(name) {
            Some(column) if self.opens_request || !column.is_client() => {
                self.captured.push_column(column, value);
            }
            _ => self.captured.push_pair(name, value),
        }
    }

    fn place_plain(&mut self, name: &str, value: &str) {
        if Column::named(name).is_some() {
            self.place(name, value);
        } else {
            self.captured.push_plain_pair(name, value);
        }
    }
}

/// Everything but `Debug` and errors, which the two read differently.
macro_rules! visit_values {
    () => {
        fn record_str(&mut self, field: &Field, value: &str) {
            self.place(field.name(), value);
        }

        fn record_i64(&mut self, field: &Field, value: i64) {
            self.place_plain(field.name(), itoa::Buffer::new().format(value));
        }

        fn record_u64(&mut self, field: &Field, value: u64) {
            self.place_plain(field.name(), itoa::Buffer::new().format(value));
        }

        fn record_i128(&mut self, field: &Field, value: i128) {
            self.place_plain(field.name(), itoa::Buffer::new().format(value));
        }

        fn record_u128(&mut self, field: &Field, value: u128) {
            self.place_plain(field.name(), itoa::Buffer::new().format(value));
        }

        fn record_bool(&mut self, field: &Field, value: bool) {
            self.place_plain(field.name(), if value { "true" } else { "false" });
        }

        fn record_f64(&mut self, field: &Field, value: f64) {
            // NaN and the infinities come out as words; inside a string they may.
            self.place_plain(field.name(), zmij::Buffer::new().format(value));
        }

        fn record_bytes(&mut self, field: &Field, value: &[u8]) {
            self.place_formatted(field.name(), VALUE_BYTES, |out| write_hex(out, value));
        }
    };
}

impl Visit for EventVisitor<'_> {
    visit_values!();

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        if name == "message" {
            let text = &mut self.captured.text;
            let start = text.len();
            format::debug_json(text, value, MESSAGE_BYTES);
            self.captured.message = Some((start..self.captured.text.len()).into());
            return;
        }
        let limit = if self.fails && names_error(name) { ERROR_MESSAGE_BYTES } else { VALUE_BYTES };
        self.place_formatted(name, limit, |out| out.debug(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        if let Some(record) = value.downcast_ref::<crate::hop::HopRecord>() {
            record.capture(self.captured);
            return;
        }
        if self.fails {
            self.place_error(field.name(), value);
        } else {
            self.place_formatted(field.name(), VALUE_BYTES, |out| write_chain(out, value));
        }
    }
}

impl Visit for SpanVisitor<'_> {
    visit_values!();

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.place_formatted(field.name(), VALUE_BYTES, |out| out.debug(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.place_formatted(field.name(), VALUE_BYTES, |out| write_chain(out, value));
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
