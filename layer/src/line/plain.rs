use super::escape::{push_key, push_value};
use super::{Clock, Identity, push_string, write_head};
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
    /// From [`Pairs`].
    pub(crate) extra: &'a [u8],
}

/// Writes its line, with its line feed.
pub(crate) fn write_plain(line: &mut Vec<u8>, identity: &Identity, clock: &mut Clock, plain: &Plain<'_>) {
    write_head(line, identity, plain.level, clock);
    line.extend_from_slice(plain.msg.as_bytes());
    line.push(b'"');
    push_string(line, "scope", plain.scope.as_str().as_bytes());
    line.extend_from_slice(identity.tail());
    line.extend_from_slice(plain.columns.as_bytes());
    if !plain.extra.is_empty() {
        push_string(line, "extra", plain.extra);
    }
    line.extend_from_slice(b"}\n");
}

/// The `extra` of such a record. No key may be given twice.
#[derive(Default)]
pub(crate) struct Pairs(Vec<u8>);

impl Pairs {
    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        push_value(&mut self.0, value, VALUE_BYTES);
    }

    pub(crate) fn number(&mut self, key: &'static str, value: u64) {
        self.key(key);
        self.0.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn key(&mut self, key: &'static str) {
        if !self.0.is_empty() {
            self.0.push(b' ');
        }
        push_key(&mut self.0, key);
        self.0.push(b'=');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
