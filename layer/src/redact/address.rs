//! Secrets in addresses, and in what web forms send, which is of the same form.

use super::{REDACTED, Redaction};
use crate::line::escape::position;
use std::borrow::Cow;

/// An address with the values of its secret parameters hidden, and the password before the host.
pub(crate) fn in_address<'a>(redaction: &Redaction, address: &'a str) -> Cow<'a, str> {
    // Every request comes by here, and nearly none has anything to hide.
    let is_path = address.as_bytes().first() == Some(&b'/');
    if (!is_path && address.contains('@')) || has_secret(redaction, address.as_bytes()) {
        hidden_in_address(redaction, address)
    } else {
        Cow::Borrowed(address)
    }
}

/// Whether there may be a parameter to be hidden.
fn has_secret(redaction: &Redaction, address: &[u8]) -> bool {
    let mut rest = address;
    while let Some(end) = position(rest, b'=') {
        let (name, behind) = rest.split_at(end);
        if redaction.may_hide_last(name) {
            return true;
        }
        rest = &behind[1..];
    }
    false
}

#[cold]
fn hidden_in_address<'a>(redaction: &Redaction, address: &'a str) -> Cow<'a, str> {
    let path_end = address.find(['?', '#']).unwrap_or(address.len());
    let (head, rest) = address.split_at(path_end);
    let head = without_password(head);
    let (mark, rest) = rest.split_at(rest.len().min(1));
    // What comes after `#` is of the same form where it has one, as in answers of OAuth.
    match (head, in_pairs(redaction, rest, &['&', ';', '#'])) {
        (Cow::Borrowed(_), Cow::Borrowed(_)) => Cow::Borrowed(address),
        (head, rest) => Cow::Owned(format!("{head}{mark}{rest}")),
    }
}

/// `scheme://user:password@host`
fn without_password(head: &str) -> Cow<'_, str> {
    let hidden = || {
        let start = head.find("://")? + 3;
        let authority = &head[start..][..head[start..].find('/').unwrap_or(head.len() - start)];
        let user = &authority[..authority.rfind('@')?];
        let colon = user.find(':')?;
        Some(format!("{}:{REDACTED}{}", &head[..start + colon], &head[start + user.len()..]))
    };
    hidden().map_or(Cow::Borrowed(head), Cow::Owned)
}

/// `name=value&name=value`
pub(super) fn in_pairs<'a>(redaction: &Redaction, text: &'a str, separators: &[char]) -> Cow<'a, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut start = 0;
    while start < text.len() {
        let end = text[start..].find(separators).map_or(text.len(), |length| start + length);
        if let Some((name, value)) = text[start..end].split_once('=') {
            if !value.is_empty() && redaction.hides(&decoded(name)) {
                out.push_str(&text[copied..start + name.len() + 1]);
                out.push_str(REDACTED);
                copied = end;
            }
        }
        start = end + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// A name without `%5B` and the like.
fn decoded(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let bytes = name.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = name.get(at + 1..at + 3).filter(|_| byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
