//! What must not be read by everybody who reads the log: the values of keys that name secrets. It is decided by the
//! key alone, once for each callsite; then such a value is not even formatted.

mod address;
#[cfg(any(feature = "tower", feature = "reqwest"))]
mod payload;

pub(crate) use address::in_address;
#[cfg(any(feature = "tower", feature = "reqwest"))]
pub(crate) use payload::in_payload;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Stands in place of a value.
pub(crate) const REDACTED: &str = "[redacted]";

/// Words that name a secret wherever they stand in a key: better to lose the `password_length` than to keep the
/// `password_hash`.
const ANYWHERE: &[&str] = &[
    "authorization",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "secret",
    "secrets",
];

/// Words that name a secret as the last ones of a key, which say what the value is: `access_token`, not `token_count`.
const LAST: &[&[&str]] = &[
    &["accesskey"],
    &["accesstoken"],
    &["apikey"],
    &["authtoken"],
    &["bearer"],
    &["cookie"],
    &["cookies"],
    &["csrf"],
    &["cvc"],
    &["cvv"],
    &["jsessionid"],
    &["jwt"],
    &["otp"],
    &["phpsessid"],
    &["privatekey"],
    &["refreshtoken"],
    &["sessionid"],
    &["token"],
    &["xsrf"],
    &["access", "key"],
    &["api", "key"],
    &["card", "number"],
    &["encryption", "key"],
    &["private", "key"],
    &["session", "id"],
    &["session", "key"],
    &["signing", "key"],
];

/// Most words of a key that are looked at, from its end.
const WORDS: usize = 16;

/// The keys whose values are not shown.
#[derive(Clone)]
pub(crate) struct Redaction {
    /// Added to the words that end a key.
    added: Vec<Vec<String>>,
    /// Keys that are shown all the same.
    kept: Vec<Vec<String>>,
    /// By first letter the lengths, as bits, of all words that can matter: most words of most keys cannot.
    lengths: [u32; 256],
}

impl PartialEq for Redaction {
    fn eq(&self, other: &Self) -> bool {
        (&self.added, &self.kept) == (&other.added, &other.kept)
    }
}

impl Default for Redaction {
    fn default() -> Self {
        let mut redaction = Self { added: Vec::new(), kept: Vec::new(), lengths: [0; 256] };
        for word in ANYWHERE.iter().chain(LAST.iter().copied().flatten()) {
            redaction.note(word);
        }
        redaction
    }
}

impl Redaction {
    /// Hides the values of keys that end with these words.
    pub(crate) fn add(&mut self, key: &str) {
        let words = owned_words(key);
        for word in &words {
            self.note(word);
        }
        if !words.is_empty() {
            self.added.push(words);
        }
    }

    /// Shows the value of the key that consists of these words.
    pub(crate) fn keep(&mut self, key: &str) {
        self.kept.push(owned_words(key));
    }

    fn note(&mut self, word: &str) {
        if let Some(first) = word.as_bytes().first() {
            self.lengths[usize::from(first.to_ascii_lowercase())] |= length_bit(word);
        }
    }

    /// Whether the values of a key are not to be shown.
    pub(crate) fn hides(&self, key: &str) -> bool {
        let mut words = [""; WORDS];
        let mut count = 0;
        let mut matters = false;
        for word in Words(key) {
            if count == WORDS {
                words.rotate_left(1);
                count -= 1;
            }
            words[count] = word;
            count += 1;
            let first = word.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
            matters |= self.lengths[usize::from(first)] & length_bit(word) != 0;
        }
        matters && self.hides_words(&words[..count])
    }

    /// Whether to ask [`hides`](Self::hides) at all for the parameter whose name ends here: a look at no more than
    /// the lengths and first letters of its words.
    fn may_hide_last(&self, text: &[u8]) -> bool {
        let (mut first, mut length) = (0, 0);
        for byte in text.iter().rev() {
            let class = CLASSES[usize::from(*byte)];
            if class == Class::Part {
                first = *byte;
                length += 1;
                continue;
            }
            if class == Class::Odd || self.lengths[usize::from(first)] & (1 << length.min(31)) != 0 {
                return true;
            }
            if class == Class::Begin {
                return false;
            }
            (first, length) = (0, 0);
        }
        self.lengths[usize::from(first)] & (1 << length.min(31)) != 0
    }

    #[cold]
    fn hides_words(&self, words: &[&str]) -> bool {
        let is_kept = |kept: &Vec<String>| same(words, kept);
        if self.kept.iter().any(is_kept) {
            return false;
        }
        let is_secret = |word: &&str| ANYWHERE.iter().any(|secret| word.eq_ignore_ascii_case(secret));
        words.iter().any(is_secret)
            || LAST.iter().any(|last| ends_with(words, last))
            || self.added.iter().any(|last| ends_with(words, last))
    }
}

/// What a byte is in the name of a parameter.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// A part of a word.
    Part,
    /// Between two words.
    Gap,
    /// Before the name.
    Begin,
    /// A reason to look closer.
    Odd,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Odd; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'0'..=b'9' => Class::Part,
            b'?' | b'&' | b';' | b'#' => Class::Begin,
            b'A'..=b'Z' | b'%' => Class::Odd,
            _ => Class::Gap,
        };
        byte += 1;
    }
    classes
};

fn length_bit(word: &str) -> u32 {
    1 << word.len().min(31)
}

fn ends_with(words: &[&str], last: &[impl AsRef<str>]) -> bool {
    words.len().checked_sub(last.len()).is_some_and(|start| same(&words[start..], last))
}

fn same(words: &[&str], others: &[impl AsRef<str>]) -> bool {
    words.len() == others.len()
        && words.iter().zip(others).all(|(word, other)| word.eq_ignore_ascii_case(other.as_ref()))
}

fn owned_words(key: &str) -> Vec<String> {
    Words(key).map(str::to_owned).collect()
}

/// The words of a key: split at everything that is no letter or digit, and where camelCase begins a new one
/// (`accessToken`, `APIKey`).
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        // Bytes beyond ASCII count as letters, so that every cut is between characters.
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let bytes = self.0.as_bytes();
        let start = bytes.iter().position(is_part)?;
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end).filter(|byte| is_part(byte)) {
            let before = bytes[end - 1];
            let ends_capitals =
                before.is_ascii_uppercase() && bytes.get(end + 1).is_some_and(u8::is_ascii_lowercase);
            if byte.is_ascii_uppercase()
                && (before.is_ascii_lowercase() || before.is_ascii_digit() || ends_capitals)
            {
                break;
            }
            end += 1;
        }
        let word = &self.0[start..end];
        self.0 = &self.0[end..];
        Some(word)
    }
}

/// The program's own say in what is shown.
pub(crate) type Hook = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

/// What the hook makes of a value; `None` if it stays. A hook that panics has not said that the value may be shown.
pub(crate) fn ask(hook: &Hook, key: &str, value: &str) -> Option<String> {
    // Unwind safe: the value is only read, and what is the hook's own is its own to mend.
    catch_unwind(AssertUnwindSafe(|| hook(key, value))).unwrap_or_else(|_| Some(REDACTED.to_owned()))
}
