use std::fmt;
use std::str::FromStr;

/// A level of the specification, with bunyan's number.
///
/// A record may carry any number that bunyan allows; these are the ones that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Not part of the specification; written only when asked for.
    Trace = 10,
    /// Detail, off in production.
    Debug = 20,
    /// A meaningful normal event.
    Info = 30,
    /// Not an error yet. A report calls it `WARNING`.
    Warn = 40,
    /// An unexpected failure of the service itself.
    Error = 50,
    /// The process ends and an operator is needed. A report calls it `CRITICAL`.
    Fatal = 60,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];

    /// Bunyan's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The upper-case name that the contract uses: `ERROR`, `WARN`, …
    pub const fn name(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// The highest named level that is not above a record's number, as bunyan's own tools print it.
    pub fn at_or_below(number: u8) -> Level {
        Level::ALL.into_iter().rev().find(|level| level.number() <= number).unwrap_or(Level::Trace)
    }

    /// Reads the level of a report: `ERROR`, `WARNING` or `CRITICAL` in any letter case, `WARN` and `FATAL` too.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_report(word: &str) -> Result<Level, ParseLevelError> {
        match word.parse()? {
            level @ (Level::Warn | Level::Error | Level::Fatal) => Ok(level),
            _ => Err(ParseLevelError),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        const WORDS: [(&str, Level); 8] = [
            ("TRACE", Level::Trace),
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("WARNING", Level::Warn),
            ("ERROR", Level::Error),
            ("FATAL", Level::Fatal),
            ("CRITICAL", Level::Fatal),
        ];
        let word = word.trim();
        WORDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, level)| *level)
            .ok_or(ParseLevelError)
    }
}

/// The word is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLevelError;

impl fmt::Display for ParseLevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be one of ERROR, WARNING, CRITICAL")
    }
}

impl std::error::Error for ParseLevelError {}
