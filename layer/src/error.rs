use std::borrow::Cow;
use std::fmt;

/// Why the layer could not be built or installed. It names the setting at fault.
///
/// Nothing else in this crate fails: once built, the layer counts its losses instead
/// (see [`Counts`](crate::Counts)).
pub struct Error {
    text: Cow<'static, str>,
}

impl Error {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

// What `main` prints when it returns the error: meant for the operator who set the variable.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
