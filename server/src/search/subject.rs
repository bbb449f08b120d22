//! What a term is about: a field, or a key in one.

use super::field::{Field, Kind};
use super::{PATH_KEYS, Term};

/// What a term is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A field of the event.
    Field(&'static Field),
    /// What `attributes` has under this path of keys, and below it.
    Attribute(Vec<String>),
    /// What `extra` has under this key.
    Extra(String),
}

/// Beginnings of names that are followed by a key.
const ATTRIBUTES: [&str; 2] = ["attributes.", "context."];
const EXTRA: &str = "extra.";

impl Subject {
    /// Whether a name, which may go on, is that of a key, and may hold quotes.
    pub(super) fn begins_key(name: &str) -> bool {
        ATTRIBUTES.into_iter().chain([EXTRA]).any(|prefix| behind(name, prefix).is_some())
    }

    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        if let Some(path) = ATTRIBUTES.into_iter().find_map(|prefix| behind(name, prefix)) {
            return keys(path).map(Subject::Attribute);
        }
        if let Some(key) = behind(name, EXTRA) {
            let key = unquoted(key).unwrap_or_else(|| key.to_owned());
            return if key.is_empty() {
                Err("a key is expected after extra.".to_owned())
            } else {
                Ok(Subject::Extra(key))
            };
        }
        Field::named(name).map(Subject::Field).ok_or_else(|| unknown(name))
    }

    /// How its values are compared; as those of a key, if `None`.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Subject::Field(field) => Some(field.kind),
            Subject::Attribute(_) | Subject::Extra(_) => None,
        }
    }

    /// How it is called in a message.
    pub(super) fn name(&self) -> String {
        match self {
            Subject::Field(field) => field.name.to_owned(),
            Subject::Attribute(keys) => format!("attributes.{}", keys.join(".")),
            Subject::Extra(key) => format!("extra.{key}"),
        }
    }

    /// This, tested.
    pub(super) fn tested(&self, test: super::Test) -> super::Expression {
        super::Expression::Term(Term { subject: self.clone(), test })
    }
}

fn behind<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn unknown(name: &str) -> String {
    let known: Vec<_> = super::field::FIELDS.iter().map(|field| field.name).collect();
    format!(
        "there is no field {name}; there are {}, and keys of attributes and extra, as attributes.{name}: and extra.{name}:. \
         Put text with a colon in quotes",
        known.join(", ")
    )
}

/// The keys of a path: between dots, in quotes if a key holds something else than a word does.
fn keys(path: &str) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    let mut rest = path;
    loop {
        let end = key_end(rest);
        let key = &rest[..end];
        let key = unquoted(key).unwrap_or_else(|| key.to_owned());
        if key.is_empty() {
            return Err("a key is expected after attributes. and after each further dot".to_owned());
        }
        keys.push(key);
        if keys.len() > PATH_KEYS {
            return Err(format!("a path of at most {PATH_KEYS} keys is expected"));
        }
        match rest[end..].strip_prefix('.') {
            Some(more) => rest = more,
            None => return Ok(keys),
        }
    }
}

/// Up to the next dot outside of quotes.
fn key_end(path: &str) -> usize {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (index, character) in path.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => return index,
            _ => {}
        }
    }
    path.len()
}

/// The text between two quotes, with its escapes read.
fn unquoted(key: &str) -> Option<String> {
    let inner = key.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}
