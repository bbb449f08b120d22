//! Text into a JSON string, and values into the `k=v` pairs inside of one.
//!
//! A pair's value stands bare if it is not empty and has no space, control character, `"`, `=` or `\`; else in
//! double quotes, in which `\"`, `\\`, `\n`, `\r` and `\t` stand for what they mean everywhere. So a reader
//! finds the pairs again: up to `=` is the key, after it comes a quoted value or one that ends at the next space.

use crate::limits::{KEY_BYTES, VALUE_BYTES};

/// What a text that was cut ends with.
const CUT: &str = "…";

/// Appends `text` as the inside of a JSON string, in at most `limit` bytes. Whether all of it fitted.
#[inline(always)]
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str, limit: usize) -> bool {
    if text.len() <= limit && is_clean::<JSON>(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        return true;
    }
    push(out, text, limit, json_escape)
}

/// Appends `text` as a JSON string that is a value of `extra`.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_json(out, text, VALUE_BYTES);
    out.push(b'"');
}

/// Appends `text` as the value of a pair inside a JSON string, quoted if it must be.
#[inline]
pub(crate) fn push_value(out: &mut Vec<u8>, text: &str, limit: usize) {
    if !text.is_empty() && is_bare(text) {
        if text.len() <= limit {
            out.extend_from_slice(text.as_bytes());
        } else {
            push(out, text, limit, json_escape);
        }
        return;
    }
    out.extend_from_slice(b"\\\"");
    push(out, text, limit, quoted_escape);
    out.extend_from_slice(b"\\\"");
}

/// The same, and nothing but ASCII.
#[inline]
pub(crate) fn is_bare_ascii(text: &str) -> bool {
    text.is_ascii() && is_clean::<PAIR>(text.as_bytes())
}

/// Whether a text has nothing in it that a value in a pair would have to be quoted for.
#[inline]
fn is_bare(text: &str) -> bool {
    is_clean::<PAIR>(text.as_bytes())
}

/// Appends the key of a pair. What would end it early becomes `_`; a cut name just ends.
pub(crate) fn push_key(out: &mut Vec<u8>, name: &str) {
    let is_raw = name.as_bytes().get(1) == Some(&b'#');
    if (1..=KEY_BYTES).contains(&name.len()) && !is_raw && is_bare(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        push_odd_key(out, name);
    }
}

#[cold]
fn push_odd_key(out: &mut Vec<u8>, name: &str) {
    // A raw identifier (`r#type`) is a way to write the name, not a part of it.
    let name = name.strip_prefix("r#").unwrap_or(name);
    let name = &name[..boundary(name, KEY_BYTES)];
    if name.is_empty() {
        out.push(b'_');
    } else {
        out.extend(name.bytes().map(|byte| if is_special::<PAIR>(byte) { b'_' } else { byte }));
    }
}

#[inline(never)]
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
    let is_control = if PAIRS { byte <= b' ' } else { byte < b' ' };
    is_control | (byte == b'"') | (byte == b'\\') | (PAIRS & ((byte == b'=') | (byte == 0x7f)))
}

/// How many bytes are looked at at a time: what the narrowest vector of today's processors takes.
const BLOCK: usize = 16;

/// Whether every byte can stand for itself.
#[inline(always)]
fn is_clean<const PAIRS: bool>(bytes: &[u8]) -> bool {
    if bytes.len() > 2 * BLOCK {
        return is_clean_long::<PAIRS>(bytes);
    }
    // The second piece overlaps the first, rather than leaving single bytes.
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return are_clean::<PAIRS>(low, high);
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (low, high) = (u64::from_le_bytes(*low), u64::from_le_bytes(*high));
        return special_in::<PAIRS>(low) | special_in::<PAIRS>(high) == 0;
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        return special_in::<PAIRS>(u64::from(low) | u64::from(high) << 32) == 0;
    }
    !bytes.iter().any(|byte| is_special::<PAIRS>(*byte))
}

#[inline(never)]
fn is_clean_long<const PAIRS: bool>(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((pair, behind)) = rest.split_first_chunk::<{ 2 * BLOCK }>() {
        let clean = match (pair.first_chunk(), pair.last_chunk()) {
            (Some(low), Some(high)) => are_clean::<PAIRS>(low, high),
            _ => false,
        };
        if !clean {
            return false;
        }
        rest = behind;
    }
    // What is left is looked at together with what comes before it.
    match bytes.split_last_chunk() {
        Some((before, high)) => before.last_chunk().is_some_and(|low| are_clean::<PAIRS>(low, high)),
        None => false,
    }
}

/// A function of its own without a branch: of that the compiler makes a few comparisons of whole vectors. Inside of
/// a loop it makes something else.
#[inline(never)]
fn are_clean<const PAIRS: bool>(low: &[u8; BLOCK], high: &[u8; BLOCK]) -> bool {
    let hits =
        |block: &[u8; BLOCK]| block.iter().fold(0, |hits, byte| hits | u8::from(is_special::<PAIRS>(*byte)));
    hits(low) | hits(high) == 0
}

/// How many bytes from the start can stand for themselves; eight at a time.
fn clean_prefix<const PAIRS: bool>(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = special_in::<PAIRS>(u64::from_le_bytes(*word));
        if hits != 0 {
            return bytes.len() - rest.len() + first_hit(hits);
        }
        rest = behind;
    }
    let clean = rest.iter().position(|byte| is_special::<PAIRS>(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + clean
}

/// The first place of a byte that is ASCII; eight at a time.
pub(crate) fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        let hits = differs.wrapping_sub(ONES) & !differs & HIGH;
        if hits != 0 {
            return Some(bytes.len() - rest.len() + first_hit(hits));
        }
        rest = behind;
    }
    rest.iter().position(|other| *other == byte).map(|place| bytes.len() - rest.len() + place)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// The high bits of the bytes that cannot stand for themselves; only the lowest is exact.
fn special_in<const PAIRS: bool>(word: u64) -> u64 {
    // A byte below the limit borrows from its high bit. One that had that bit is no ASCII and so not special; one
    // above a hit may have been borrowed from, and nobody looks at it.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit));
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    let mut hits = equal(b'"') | equal(b'\\');
    hits |= if PAIRS { below(word, b' ' + 1) | equal(b'=') | equal(0x7f) } else { below(word, b' ') };
    hits & !word & HIGH
}

fn first_hit(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
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
