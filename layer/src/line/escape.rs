//! Text into a JSON string, and values into the `k=v` pairs inside of one.
//!
//! A pair's value stands bare if it is not empty and has no space, control character, `"`, `=` or `\`; else in
//! double quotes, in which `\"`, `\\`, `\n`, `\r` and `\t` stand for what they mean everywhere. So a reader
//! finds the pairs again: up to `=` is the key, after it comes a quoted value or one that ends at the next space.

use crate::limits::KEY_BYTES;

/// What a text that was cut ends with.
const CUT: &str = "…";

/// Appends `text` as the inside of a JSON string, in at most `limit` bytes. Whether all of it fitted.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str, limit: usize) -> bool {
    push(out, text, limit, json_escape)
}

/// Appends `text` as the value of a pair inside a JSON string, quoted if it must be.
pub(crate) fn push_value(out: &mut Vec<u8>, text: &str, limit: usize) {
    if !text.is_empty() && clean_prefix::<PAIR>(text.as_bytes()) == text.len() {
        push(out, text, limit, json_escape);
        return;
    }
    out.extend_from_slice(b"\\\"");
    push(out, text, limit, quoted_escape);
    out.extend_from_slice(b"\\\"");
}

/// Appends the key of a pair. What would end it early becomes `_`; a cut name just ends.
pub(crate) fn push_key(out: &mut Vec<u8>, name: &str) {
    // A raw identifier (`r#type`) is a way to write the name, not a part of it.
    let name = name.strip_prefix("r#").unwrap_or(name);
    let name = &name[..boundary(name, KEY_BYTES)];
    if name.is_empty() {
        out.push(b'_');
    } else if clean_prefix::<PAIR>(name.as_bytes()) == name.len() {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.extend(name.bytes().map(|byte| if is_special::<PAIR>(byte) { b'_' } else { byte }));
    }
}

fn push(out: &mut Vec<u8>, text: &str, limit: usize, escape: fn(u8) -> Escape) -> bool {
    let end = out.len() + limit;
    let mut rest = text;
    loop {
        let run = clean_prefix::<JSON>(rest.as_bytes());
        let room = end.saturating_sub(out.len());
        if run > room {
            out.extend_from_slice(&rest.as_bytes()[..boundary(rest, room)]);
            break;
        }
        out.extend_from_slice(&rest.as_bytes()[..run]);
        let Some(&byte) = rest.as_bytes().get(run) else { return true };
        let escaped = escape(byte);
        if escaped.as_bytes().len() > end.saturating_sub(out.len()) {
            break;
        }
        out.extend_from_slice(escaped.as_bytes());
        // Only ASCII is ever escaped, so this is a character's end.
        rest = &rest[run + 1..];
    }
    out.extend_from_slice(CUT.as_bytes());
    false
}

/// The greatest index of at most `limit` at which `text` may be cut.
pub(crate) fn boundary(text: &str, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    (0..=limit).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

const JSON: bool = false;
const PAIR: bool = true;

/// Whether a byte cannot stand for itself: in a JSON string, or, stricter, in a bare pair.
const fn is_special<const PAIRS: bool>(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (PAIRS && (byte == b' ' || byte == b'=' || byte == 0x7f))
}

/// How many bytes from the start can stand for themselves; eight at a time.
fn clean_prefix<const PAIRS: bool>(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The lowest high bit of each is exact; those above it may be a borrow's, and nobody looks at them.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    let mut chunks = bytes.chunks_exact(8);
    let mut clean = 0;
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        let mut hits = equal(word, b'"') | equal(word, b'\\');
        hits |= if PAIRS {
            below(word, b' ' + 1) | equal(word, b'=') | equal(word, 0x7f)
        } else {
            below(word, b' ')
        };
        hits &= HIGH;
        if hits != 0 {
            return clean + hits.trailing_zeros() as usize / 8;
        }
        clean += 8;
    }
    let tail = chunks.remainder();
    clean + tail.iter().position(|byte| is_special::<PAIRS>(*byte)).unwrap_or(tail.len())
}

/// Up to six bytes.
struct Escape {
    bytes: [u8; 6],
    len: u8,
}

impl Escape {
    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; 6];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len: text.len() as u8 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn json_escape(byte: u8) -> Escape {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => Escape::of(b"\\\""),
        b'\\' => Escape::of(b"\\\\"),
        b'\n' => Escape::of(b"\\n"),
        b'\r' => Escape::of(b"\\r"),
        b'\t' => Escape::of(b"\\t"),
        _ => Escape::of(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
    }
}

fn quoted_escape(byte: u8) -> Escape {
    match byte {
        b'"' => Escape::of(b"\\\\\\\""),
        b'\\' => Escape::of(b"\\\\\\\\"),
        b'\n' => Escape::of(b"\\\\n"),
        b'\r' => Escape::of(b"\\\\r"),
        b'\t' => Escape::of(b"\\\\t"),
        _ => json_escape(byte),
    }
}
