use crate::limits::REQUEST_ID_CHARS;
use std::fmt;

/// The id that every record of one request shares: 1 to 128 visible ASCII characters. A UUID is usual, not needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Takes an id as it came.
    ///
    /// # Errors
    /// Empty, too long, or with a character that is not visible ASCII.
    pub fn new(text: &str) -> Result<Self, RequestIdError> {
        if is_valid(text) { Ok(Self(text.into())) } else { Err(RequestIdError) }
    }

    /// The id as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is a request id, without keeping it.
fn is_valid(text: &str) -> bool {
    (1..=REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is no request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestIdError;

impl fmt::Display for RequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be 1 to {REQUEST_ID_CHARS} visible ASCII characters")
    }
}

impl std::error::Error for RequestIdError {}
