use std::fmt;
use std::str::FromStr;

/// A place in the events that arrive, by which one that lost its connection goes on: `1763744400123456.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The batch.
    pub batch: u64,
    /// How many of its events that one follows lie before this place.
    pub count: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.batch, self.count)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (batch, count) = text.split_once('.').ok_or(())?;
        let number = |digits: &str| {
            // No sign, which the parser of numbers would take.
            digits
                .starts_with(|first: char| first.is_ascii_digit())
                .then(|| digits.parse().ok())
                .flatten()
                .ok_or(())
        };
        Ok(Self { batch: number(batch)?, count: number(count)? })
    }
}
