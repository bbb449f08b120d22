//! Texts and numbers as nobody would write them.

use fastrand::Rng;

/// What has a meaning of its own somewhere between a field and a reader.
const SPELLS: [&str; 22] = [
    "\"",
    "\\",
    "\\\"",
    "\\u0000",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x1b[31m",
    "\x7f",
    "a=b c=d",
    "k=\"v w\"",
    "{\"level\":60}",
    "}\n{\"v\":1}",
    "</script>",
    "…",
    "\u{2028}",
    "\u{feff}",
    "😀",
    "e\u{301}",
    "<panicked>",
];

/// Names of types, and what looks like one.
const WORDS: [&str; 8] =
    ["Timeout", "Io(Refused)", "Declined { code: 5 }", "ok", "Ünlaut", "A_1", "42", "true"];

/// Mostly short, seldom longer than every limit of the layer.
pub(super) fn any(rng: &mut Rng) -> String {
    match rng.u32(0..1000) {
        0..4 => huge(rng),
        4..12 => long(rng),
        12..60 => String::new(),
        60..200 => WORDS[rng.usize(..WORDS.len())].to_owned(),
        _ => {
            let pieces = rng.usize(1..=4);
            (0..pieces).map(|_| piece(rng)).collect()
        }
    }
}

fn piece(rng: &mut Rng) -> String {
    let length = rng.usize(0..12);
    match rng.u8(..6) {
        0 | 1 => (0..length).map(|_| rng.alphanumeric()).collect(),
        2 => (0..length).map(|_| char::from(rng.u8(b' '..=b'~'))).collect(),
        3 => (0..length).map(|_| char::from(rng.u8(0..0x80))).collect(),
        4 => (0..length).map(|_| rng.char(..)).collect(),
        _ => SPELLS[rng.usize(..SPELLS.len())].to_owned(),
    }
}

fn long(rng: &mut Rng) -> String {
    piece(rng).repeat(rng.usize(1..400))
}

/// Around and far above the longest that is written of one value.
fn huge(rng: &mut Rng) -> String {
    let piece = piece(rng);
    let bytes = if rng.bool() { rng.usize(16_300..16_500) } else { rng.usize(16_000..200_000) };
    piece.repeat(bytes / piece.len().max(1))
}

pub(super) fn float(rng: &mut Rng) -> f64 {
    match rng.u8(..8) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => rng.f64(),
        5 => f64::from(rng.i32(-1000..1000)),
        6 => f64::MIN_POSITIVE / 3.0,
        _ => f64::from_bits(rng.u64(..)),
    }
}
