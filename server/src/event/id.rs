use std::fmt;
use std::str::FromStr;

/// What an event is known by, wherever it is shown: `1763744400123-1763744400456789-0`. It stays the same through merges and
/// restarts, and costs hardly any room, because it is made of what is stored anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The time of the event, in milliseconds since 1970.
    pub time: i64,
    /// The batch that brought it.
    pub batch: u64,
    /// Which of the events of that batch with this time it is.
    pub ordinal: u32,
}

/// The text is no [`EventId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseEventIdError;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.time, self.batch, self.ordinal)
    }
}

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<Self, ParseEventIdError> {
        let mut numbers = text.split('-').map(number);
        let mut next = || numbers.next().flatten().ok_or(ParseEventIdError);
        let (time, batch, ordinal) = (next()?, next()?, next()?);
        if numbers.next().is_some() {
            return Err(ParseEventIdError);
        }
        Ok(Self {
            time: i64::try_from(time).map_err(|_| ParseEventIdError)?,
            batch,
            ordinal: u32::try_from(ordinal).map_err(|_| ParseEventIdError)?,
        })
    }
}

impl fmt::Display for ParseEventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be the id of an event: three numbers with - between them")
    }
}

impl std::error::Error for ParseEventIdError {}

/// Digits only: the parser of numbers would take a sign.
fn number(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = EventId { time: 1_763_744_400_123, batch: (1 << 53) - 1, ordinal: u32::MAX };
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "1",
            "1-2",
            "1-2-3-4",
            "+1-2-3",
            "1--3",
            "1-2-4294967296",
            "9223372036854775808-2-3",
            "a-b-c",
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
