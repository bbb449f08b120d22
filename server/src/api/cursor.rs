//! Cursors: where the next page of a list begins, as an opaque word.
//!
//! A cursor holds numbers and a check sum over them and over the question that was asked. One that was changed, or
//! that belongs to another question, is refused; one whose place has gone in the meantime works.

use crate::error::ApiError;
use crate::store::place::Place;
use md5::{Digest, Md5};
use std::fmt::Write;

/// Hex digits of a number.
const DIGITS: usize = 16;

/// The word for `values`. `question` is whatever must be the same when the next page is asked for.
pub(crate) fn encode(question: &str, values: &[u64]) -> String {
    let mut word = String::with_capacity((values.len() + 1) * DIGITS);
    for value in values.iter().chain([&check(question, values)]) {
        // Writing to a String does not fail.
        _ = write!(word, "{value:016x}");
    }
    word
}

/// The values of a cursor.
///
/// # Errors
/// 422 naming `cursor`.
pub(crate) fn decode<const N: usize>(question: &str, word: &str) -> Result<[u64; N], ApiError> {
    let refused = || ApiError::Parameter {
        field: "cursor".to_owned(),
        rule: "must be a next_cursor of the same list with the same parameters".to_owned(),
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if word.len() != (N + 1) * DIGITS || !word.bytes().all(is_hex) {
        return Err(refused());
    }
    let number = |index: usize| u64::from_str_radix(&word[index * DIGITS..(index + 1) * DIGITS], 16);
    let mut values = [0; N];
    for (index, value) in values.iter_mut().enumerate() {
        *value = number(index).map_err(|_| refused())?;
    }
    if number(N) == Ok(check(question, &values)) { Ok(values) } else { Err(refused()) }
}

/// The word for a place.
pub(crate) fn encode_place(question: &str, place: Place) -> String {
    encode(question, &place.numbers())
}

fn check(question: &str, values: &[u64]) -> u64 {
    let mut md5 = Md5::new();
    values.iter().for_each(|value| md5.update(value.to_be_bytes()));
    md5.update(question);
    let [a, b, c, d, e, f, g, h, ..]: [u8; 16] = md5.finalize().into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
