//! ClickHouse's errors: a code, a name, a text, and what HTTP makes of them.

use http::StatusCode;

use crate::sql::judge::without_guess;

/// An error that a client is told, in ClickHouse's own words: `Code: 62. DB::Exception: … (SYNTAX_ERROR)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    code: u32,
    text: String,
}

/// Errors that this front raises itself, by ClickHouse's code and name for them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    BadArguments,
    TooLargeSizeCompressed,
    ChecksumDoesntMatch,
    UnknownFunction,
    NotImplemented,
    SyntaxError,
    UnknownCompressionMethod,
    UnknownSetting,
    Readonly,
    TooManySimultaneousQueries,
    TimeoutExceeded,
    SocketTimeout,
    NetworkError,
    QueryWithSameIdIsAlreadyRunning,
    QueryIsTooLarge,
    Aborted,
    MemoryLimitExceeded,
    CannotDecompress,
    IntoOutfileNotAllowed,
    SessionNotFound,
    SessionIsLocked,
    TooManyRowsOrBytes,
    AccessDenied,
    AuthenticationFailed,
    UnknownException,
}

impl Kind {
    const fn code_and_name(self) -> (u32, &'static str) {
        match self {
            Self::BadArguments => (36, "BAD_ARGUMENTS"),
            Self::TooLargeSizeCompressed => (39, "TOO_LARGE_SIZE_COMPRESSED"),
            Self::ChecksumDoesntMatch => (40, "CHECKSUM_DOESNT_MATCH"),
            Self::UnknownFunction => (46, "UNKNOWN_FUNCTION"),
            Self::NotImplemented => (48, "NOT_IMPLEMENTED"),
            Self::SyntaxError => (62, "SYNTAX_ERROR"),
            Self::UnknownCompressionMethod => (89, "UNKNOWN_COMPRESSION_METHOD"),
            Self::UnknownSetting => (115, "UNKNOWN_SETTING"),
            Self::Readonly => (164, "READONLY"),
            Self::TooManySimultaneousQueries => (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
            Self::TimeoutExceeded => (159, "TIMEOUT_EXCEEDED"),
            Self::SocketTimeout => (209, "SOCKET_TIMEOUT"),
            Self::NetworkError => (210, "NETWORK_ERROR"),
            Self::QueryWithSameIdIsAlreadyRunning => (216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"),
            Self::QueryIsTooLarge => (229, "QUERY_IS_TOO_LARGE"),
            Self::Aborted => (236, "ABORTED"),
            Self::MemoryLimitExceeded => (241, "MEMORY_LIMIT_EXCEEDED"),
            Self::CannotDecompress => (271, "CANNOT_DECOMPRESS"),
            Self::IntoOutfileNotAllowed => (358, "INTO_OUTFILE_NOT_ALLOWED"),
            Self::SessionNotFound => (372, "SESSION_NOT_FOUND"),
            Self::SessionIsLocked => (373, "SESSION_IS_LOCKED"),
            Self::TooManyRowsOrBytes => (396, "TOO_MANY_ROWS_OR_BYTES"),
            Self::AccessDenied => (497, "ACCESS_DENIED"),
            Self::AuthenticationFailed => (516, "AUTHENTICATION_FAILED"),
            Self::UnknownException => (1002, "UNKNOWN_EXCEPTION"),
        }
    }
}

impl Exception {
    pub(crate) fn new(kind: Kind, message: impl std::fmt::Display) -> Self {
        let (code, name) = kind.code_and_name();
        Self { code, text: format!("Code: {code}. DB::Exception: {message}. ({name})") }
    }

    /// Takes the text that libchdb gave. Its few errors that carry no code become UNKNOWN_EXCEPTION.
    pub(crate) fn from_engine(text: &str) -> Self {
        let code = text.strip_prefix("Code: ").and_then(|rest| rest.split('.').next()?.parse().ok());
        match code {
            Some(code) => Self { code, text: unwrapped(text.trim_end(), code).to_owned() },
            None => Self::new(Kind::UnknownException, text.trim_end()),
        }
    }

    /// Without ClickHouse's guess at what was meant.
    pub(crate) fn without_guess(self) -> Self {
        Self { text: without_guess(&self.text).into_owned(), ..self }
    }

    pub(crate) fn code(&self) -> u32 {
        self.code
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The whole line as ClickHouse's server writes it, with its version and a line end.
    pub(crate) fn line(&self, version: &str) -> String {
        if self.text.contains("(version ") {
            format!("{}\n", self.text)
        } else {
            format!("{} (version {version} (official build))\n", self.text)
        }
    }

    /// The HTTP status that ClickHouse answers for this code.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            194 => StatusCode::UNAUTHORIZED,
            192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
            6
            | 8
            | 15
            | 25..=27
            | 36..=38
            | 41
            | 44
            | 53
            | 62
            | 72
            | 117
            | 123
            | 167
            | 168
            | 223
            | 321
            | 376
            | 427
            | 441
            | 675
            | 676 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => StatusCode::NOT_FOUND,
            229 => StatusCode::PAYLOAD_TOO_LARGE,
            48 => StatusCode::NOT_IMPLEMENTED,
            76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
            159 => StatusCode::REQUEST_TIMEOUT,
            381 => StatusCode::LENGTH_REQUIRED,
            779 => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error's own text, of one that was packed into others of the same code on its way, each of which repeats it.
fn unwrapped(text: &str, code: u32) -> &str {
    let (outer, inner) = (format!("Code: {code}. DB::Exception: "), format!("Code: {code}. DB::"));
    let mut text = text;
    let mut is_packed = false;
    while let Some(rest) = text.strip_prefix(&outer).filter(|rest| rest.starts_with(&inner)) {
        // Behind the inner one: `. (NAME)` and perhaps `(version 26.7.2.1)`.
        let rest = without_version(rest);
        text = rest.rfind(". (").map_or(rest, |end| &rest[..end]);
        is_packed = true;
    }
    if is_packed { without_version(text) } else { text }
}

fn without_version(text: &str) -> &str {
    let end = text.rfind(" (version ").filter(|_| text.ends_with(')'));
    let is_last = |end: &usize| !text[*end..].trim_end_matches(')').contains(')');
    end.filter(is_last).map_or(text, |end| &text[..end])
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Exception {}

/// Lets an exception travel through readers, which know only `io::Error`.
impl From<Exception> for std::io::Error {
    fn from(exception: Exception) -> Self {
        Self::other(exception)
    }
}

impl Exception {
    /// The exception that an `io::Error` carries, however often it was wrapped.
    pub(crate) fn inside(error: &std::io::Error) -> Option<&Self> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = source {
            if let Some(exception) = inner.downcast_ref::<Self>() {
                return Some(exception);
            }
            source = match inner.downcast_ref::<std::io::Error>() {
                Some(nested) => nested.get_ref().map(|inner| inner as _),
                None => inner.source(),
            };
        }
        None
    }
}

impl From<std::io::Error> for Exception {
    fn from(error: std::io::Error) -> Self {
        match Self::inside(&error) {
            Some(exception) => exception.clone(),
            None => Self::new(Kind::NetworkError, error),
        }
    }
}
