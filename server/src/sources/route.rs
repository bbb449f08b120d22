//! What requests and calls are counted by: paths without the numbers and ids in them.

use log_center_wire::{EventKind, extra};
use std::borrow::Cow;

/// Longest path that is looked at, in bytes. What follows is cut off.
const PATH_BYTES: usize = 1024;

const ID: &str = "{id}";

/// What a `client-req` or `client-res` says was asked for, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) method: Cow<'a, str>,
    pub(super) route: Cow<'a, str>,
    pub(super) status: u16,
}

impl<'a> Asked<'a> {
    /// From the pairs in `extra`; without a route there, it is made of the `url`.
    pub(super) fn of(event: &str, extra: &'a str, url: &'a str) -> Self {
        let mut asked = Self::default();
        if !matches!(event.parse(), Ok(EventKind::ClientReq | EventKind::ClientRes)) {
            return asked;
        }
        for (key, value) in extra::iter(extra) {
            match key {
                "method" => asked.method = value,
                "route" => asked.route = value,
                "status" => asked.status = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        if asked.route.is_empty() {
            asked.route = of_path(url);
        }
        asked
    }
}

/// The path without query, each segment that is a number or an id replaced by `{id}`.
pub(super) fn of_path(path: &str) -> Cow<'_, str> {
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let end = (0..=path.len().min(PATH_BYTES)).rev().find(|end| path.is_char_boundary(*end));
    let path = &path[..end.unwrap_or(0)];
    if !path.split('/').any(is_id) {
        return path.into();
    }
    let segments: Vec<_> = path.split('/').map(|segment| if is_id(segment) { ID } else { segment }).collect();
    segments.join("/").into()
}

/// Whether a segment of a path is an id: a number, a UUID, a long word of hex digits or in base 62, an e-mail address, or a text with
/// one of these in it (`ch_3MmlLrLkdIwHu7ix0snN0B15`). A word that has a digit, such as `oauth2-callback`, `v2` or `utf8`, is none.
fn is_id(segment: &str) -> bool {
    if !segment.bytes().any(|byte| byte.is_ascii_digit()) {
        return is_email(segment);
    }
    let bytes = segment.as_bytes();
    let is_digits = bytes.iter().all(u8::is_ascii_digit);
    let is_number = bytes.len() >= NUMBER_BYTES
        && bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':' | b','));
    let has_id =
        || segment.split(SEPARATORS).any(|word| is_long_number(word) || is_hex(word) || is_base62(word));
    is_digits || is_number || has_id() || is_base64url(bytes) || is_email(segment)
}

/// What stands between the words of a segment.
const SEPARATORS: [char; 7] = ['-', '_', '.', ':', '~', '=', ','];

/// So many digits with separators are a number, a date or an address: `2026-11-27`. Fewer may be a version: `1.2`.
const NUMBER_BYTES: usize = 8;

/// So many digits in a row are an id also beside other words: `order-123456`. Fewer may be a year or a standard: `iso-27001`.
const LONG_NUMBER_DIGITS: usize = 6;

fn is_long_number(word: &str) -> bool {
    word.len() >= LONG_NUMBER_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Eight hex digits or more. Two of them are no letters: `face2face` is a word. The parts of a UUID are such words.
fn is_hex(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    word.len() >= 8 && digits >= 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Ten letters and digits or more in an order that no words have: with many changes between small letters, capitals and digits, or with
/// few letters that can be read. Of random words of ten such characters it finds three of four, of twenty all but one in fifty.
fn is_base62(word: &str) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() < 10 || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let digit_runs = bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let digit_runs = digit_runs.filter(|run| run[0].is_ascii_digit()).count();
    let changes = changes(bytes);
    let is_readable = || readable_letters(bytes) * 20 >= bytes.len() * 7;
    digit_runs >= 3
        || digit_runs > 0
            && (changes >= 4 && (bytes.len() >= 20 || is_mixed(changes, bytes.len()))
                || changes >= 2 && !is_readable())
}

/// How many letters are in runs that can be read: three or more, with a vowel, and without four consonants in a row.
fn readable_letters(bytes: &[u8]) -> usize {
    let is_vowel = |byte: &u8| b"aeiouy".contains(&byte.to_ascii_lowercase());
    let is_one_run = |a: &u8, b: &u8| {
        a.is_ascii_alphabetic()
            && (a.is_ascii_lowercase() == b.is_ascii_lowercase()
                || a.is_ascii_uppercase() && b.is_ascii_lowercase())
            && b.is_ascii_alphabetic()
    };
    let can_be_read = |run: &&[u8]| {
        run.len() >= 3
            && run[0].is_ascii_alphabetic()
            && run.iter().any(is_vowel)
            && run.split(is_vowel).all(|consonants| consonants.len() < 4)
    };
    bytes.chunk_by(is_one_run).filter(can_be_read).map(<[u8]>::len).sum()
}

/// The same where `-` and `_` are digits, too: `V1StGXR8_Z5jdHi6B-myT`.
fn is_base64url(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let changes = changes(bytes);
    bytes.iter().all(is_digit) && changes >= 6 && is_mixed(changes, bytes.len())
}

/// Changes at two of five places or more. Words have fewer, also `log4j2config` and `iPhone15Pro`.
fn is_mixed(changes: usize, length: usize) -> bool {
    changes * 5 >= (length - 1) * 2
}

/// How often another kind of character follows. A capital and the small letters behind it are of one kind, as in names.
fn changes(bytes: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let is_change = |pair: &&[u8]| match (kind(pair[0]), kind(pair[1])) {
        (3, _) | (_, 3) | (2, 1) => false,
        (before, after) => before != after,
    };
    bytes.windows(2).filter(is_change).count()
}

fn is_email(segment: &str) -> bool {
    let parts = segment.split_once('@').or_else(|| segment.split_once("%40"));
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && host.trim_matches('.').contains('.') && !host.contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, route: &str) {
        assert_eq!(of_path(path), route);
    }

    #[test]
    fn numbers_and_ids_are_left_out() {
        check("", "");
        check("/", "/");
        check("/users/42/orders", "/users/{id}/orders");
        check("/api/v1/oauth2/token", "/api/v1/oauth2/token");
        check("/items/01a1ff0d-ce99-7e3d-ab5f-bb03f31a4686?full=1", "/items/{id}");
        check("/blobs/9f86d081884c7d65", "/blobs/{id}");
        check("https://pay.example/charges/7#top", "/charges/{id}");
        check("https://pay.example", "/");
        check("/größe/groß-und-klein", "/größe/groß-und-klein");
    }

    #[test]
    fn a_word_with_a_digit_is_no_id() {
        for word in [
            "oauth2-callback",
            "oauth2-authorize",
            "oauth2callback",
            "OAuth2Callback",
            "v2",
            "v1.2.3",
            "1.2",
            "s3",
            "utf8",
            "utf8mb4-to-utf8",
            "base64decode",
            "sha256sum",
            "ipv4toipv6",
            "log4j2config",
            "iPhone15ProMax",
            "2fa-setup",
            "3d-secure",
            "covid-19-report",
            "iso-27001",
            "iso8601",
            "agenda-2030",
            "face2face",
            "i18n",
            "k8s-cluster-1",
            "step-1-of-3",
            "h264-encoder",
            "postgres16",
            "python312docs",
            "html5canvas2d",
            "rfc2822date",
            "x509certificate",
            "web3-login",
            "top10",
            "getUser2Profile",
            "@ann",
            "a@b",
            "user@",
            "x86_64-linux",
        ] {
            check(&format!("/auth/{word}/end"), &format!("/auth/{word}/end"));
        }
    }

    #[test]
    fn an_id_is_one_in_each_of_its_forms() {
        for id in [
            "0",
            "42",
            "20260130",
            "2026-01-30",
            "192.168.0.1",
            "01a1ff0d-ce99-7e3d-ab5f-bb03f31a4686",
            "01A1FF0D-CE99-7E3D-AB5F-BB03F31A4686",
            "01a1ff0dce997e3dab5fbb03f31a4686",
            "9f86d081",
            "5f2b8c9e1a",
            "507f1f77bcf86cd799439011",
            "dQw4w9WgXcQ",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "cjld2cjxh0000qzrmn831i7rn",
            "V1StGXR8_Z5jdHi6B-myT",
            "ch_3MmlLrLkdIwHu7ix0snN0B15",
            "order-123456",
            "k3j9dkq02l",
            "main.4f3e2d1c.js",
            "ann@example.org",
            "ann%40example.org",
            "a.b+c@mail.example.co.uk",
            "ann42@example.org",
        ] {
            check(&format!("/u/{id}/end"), "/u/{id}/end");
        }
    }

    #[test]
    fn what_was_asked_is_read_from_the_pairs() {
        let asked = Asked::of("client-res", "status=404 route=/users/{id} method=GET bytes=3", "/users/7");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("GET", "/users/{id}", 404));
        let asked = Asked::of("client-req", "method=GET", "/users/7?a=b");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("GET", "/users/{id}", 0));
        let asked = Asked::of("trace", "status=404 route=/users/{id}", "/users/7");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("", "", 0));
    }
}
