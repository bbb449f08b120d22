use super::escape::{self, push_key, push_value};
use super::{Clock, Identity, push_string, write_head};
use crate::callsite::{Style, opening};
use crate::limits::VALUE_BYTES;
use log_center_wire::{Level, Scope};

/// A record that no event stands behind, outside of every request.
pub(crate) struct Plain<'a> {
    pub(crate) level: Level,
    pub(crate) scope: Scope,
    /// Needs no escapes.
    pub(crate) msg: &'static str,
    /// What only this kind of record has, as it goes into the line: `,"perf":{…}`.
    pub(crate) columns: &'a str,
    pub(crate) extra: &'a Pairs,
}

/// Writes its line, with its line feed.
pub(crate) fn write_plain(line: &mut Vec<u8>, identity: &Identity, clock: &mut Clock, plain: &Plain<'_>) {
    write_head(line, identity, plain.level, clock);
    line.extend_from_slice(plain.msg.as_bytes());
    line.push(b'"');
    push_string(line, "scope", plain.scope.as_str().as_bytes());
    line.extend_from_slice(identity.tail());
    line.extend_from_slice(plain.columns.as_bytes());
    plain.extra.write(line);
    line.extend_from_slice(b"}\n");
}

/// The `extra` of such a record. No key may be given twice.
pub(crate) struct Pairs {
    text: Vec<u8>,
    in_object: bool,
}

impl Pairs {
    pub(crate) fn of(style: &Style) -> Self {
        Self { text: Vec::new(), in_object: style.settings.extra_as_object }
    }

    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        if self.in_object {
            escape::push_string(&mut self.text, value);
        } else {
            push_value(&mut self.text, value, VALUE_BYTES);
        }
    }

    pub(crate) fn number(&mut self, key: &'static str, value: u64) {
        self.key(key);
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn key(&mut self, key: &'static str) {
        let mut spelled = Vec::new();
        push_key(&mut spelled, key);
        let opening = opening(&spelled, self.in_object);
        self.text.extend_from_slice(if self.text.is_empty() { &opening[1..] } else { &opening });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Writes `extra` with them, if there are any.
    pub(crate) fn write(&self, line: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        let (open, close) = if self.in_object { (b'{', b'}') } else { (b'"', b'"') };
        line.extend_from_slice(b",\"extra\":");
        line.push(open);
        line.extend_from_slice(&self.text);
        line.push(close);
    }
}
