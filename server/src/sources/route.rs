//! What requests and calls are counted by: paths without the numbers and ids in them.

use log_center_wire::{EventKind, extra};
use std::borrow::Cow;

/// A path segment of so many bytes or more is taken for an id if there is a digit in it.
const ID_BYTES: usize = 8;

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

/// A number; or long, with a digit, and nothing in it but what ids are made of. `v1` and `oauth2` are none.
fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    has_digit
        && (bytes.iter().all(u8::is_ascii_digit)
            || bytes.len() >= ID_BYTES
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.')))
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
    fn what_was_asked_is_read_from_the_pairs() {
        let asked = Asked::of("client-res", "status=404 route=/users/{id} method=GET bytes=3", "/users/7");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("GET", "/users/{id}", 404));
        let asked = Asked::of("client-req", "method=GET", "/users/7?a=b");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("GET", "/users/{id}", 0));
        let asked = Asked::of("trace", "status=404 route=/users/{id}", "/users/7");
        assert_eq!((&*asked.method, &*asked.route, asked.status), ("", "", 0));
    }
}
