//! What an error is called.

use log_center_wire::limits::ERROR_TYPE_BYTES;
use std::fmt::{self, Write};

/// The type of an error that does not tell its own.
pub(crate) const UNKNOWN: &str = "Error";

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

/// The bytes that a name is made of.
const IS_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
        byte += 1;
    }
    table
};

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

    pub(crate) fn clear(&mut self) {
        (self.len, self.after, self.verdict) = (0, None, None);
    }

    #[inline]
    pub(crate) fn set(&mut self, name: &str) {
        self.clear();
        let len = name.len().min(ERROR_TYPE_BYTES);
        self.name[..len].copy_from_slice(&name.as_bytes()[..len]);
        self.len = len;
    }

    pub(crate) fn read_text(&mut self, text: &str) {
        self.clear();
        // An error only says that enough was seen.
        let _ = self.write_str(text);
        self.decide();
    }

    /// Once there is no more to come.
    #[inline]
    pub(crate) fn decide(&mut self) {
        let ended = self.after.is_none();
        if !(self.verdict.unwrap_or(ended)
            && self.name[..self.len].first().is_some_and(u8::is_ascii_uppercase))
        {
            self.set(UNKNOWN);
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
            let end = text.bytes().position(|byte| !IS_NAME[usize::from(byte)]).unwrap_or(text.len());
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
