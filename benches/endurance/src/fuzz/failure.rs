//! Errors of all makes, with chains of sources, some of which panic when asked.

use super::text;
use super::value::PANIC;
use fastrand::Rng;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::panic_any;

/// Longest chain that is made. The layer follows a shorter one.
const LONGEST_CHAIN: usize = 40;

/// How an error looks in `Debug`, which is all that there is to know of its type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    Struct,
    Tuple,
    Unit,
    /// One whose `Debug` is no name.
    Odd,
    /// A `std::io::Error` around one.
    Io,
}

/// An error to be made: what it says, and what each error below it says.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    make: Make,
    texts: Vec<String>,
    /// The error of this number panics in `Display`.
    panics: Option<usize>,
    /// Asking the error of this number for its source panics.
    hides: Option<usize>,
}

impl Failure {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let length = if rng.u8(..50) == 0 { rng.usize(1..=LONGEST_CHAIN) } else { rng.usize(1..=3) };
        let texts: Vec<String> = (0..length).map(|_| text::any(rng)).collect();
        let mut seldom = || (rng.u8(..30) == 0).then(|| rng.usize(..length));
        let (panics, hides) = (seldom(), seldom());
        let make = match rng.u8(..5) {
            0 => Make::Struct,
            1 => Make::Tuple,
            2 => Make::Unit,
            3 => Make::Odd,
            _ => Make::Io,
        };
        Self { make, texts, panics, hides }
    }

    pub(super) fn make(&self) -> Box<dyn Error + Send + Sync> {
        let mut source = None;
        for (index, text) in self.texts.iter().enumerate().rev() {
            let make = if index == 0 { self.make } else { Make::Struct };
            let (panics, hides) = (self.panics == Some(index), self.hides == Some(index));
            source = Some(Box::new(Made { make, text: text.clone(), panics, hides, source }));
        }
        let made: Box<dyn Error + Send + Sync> = match source {
            Some(made) => made,
            None => "an error without a text".into(),
        };
        if matches!(self.make, Make::Io) { Box::new(io::Error::other(made)) } else { made }
    }

    /// `err.type`.
    pub(super) fn error_type(&self) -> &'static str {
        match self.make {
            Make::Struct => "Declined",
            Make::Tuple => "Refused",
            Make::Unit => "Timeout",
            Make::Odd => "Error",
            Make::Io => "io::Error",
        }
    }

    /// What each error says, from the outermost on, as far as it can be asked.
    pub(super) fn chain(&self) -> Vec<String> {
        let reachable = self.hides.map_or(self.texts.len(), |hides| hides + 1);
        let said = |(index, text): (usize, &String)| {
            if self.panics == Some(index) { format!("{text}<panicked>") } else { text.clone() }
        };
        self.texts.iter().take(reachable).enumerate().map(said).collect()
    }
}

struct Made {
    make: Make,
    text: String,
    panics: bool,
    hides: bool,
    source: Option<Box<Made>>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.panics {
            panic_any(PANIC);
        }
        Ok(())
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.make {
            Make::Struct | Make::Io => f.debug_struct("Declined").field("text", &self.text).finish(),
            Make::Tuple => f.debug_tuple("Refused").field(&self.text).finish(),
            Make::Unit => f.write_str("Timeout"),
            Make::Odd => write!(f, "an error: {}", self.text),
        }
    }
}

impl Error for Made {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.hides {
            panic_any(PANIC);
        }
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
