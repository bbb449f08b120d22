//! The language in which events are searched: `level:error service:pay "card declined" tm:>500 -url:/health*`.
//!
//! ```text
//! text ─ parse ─▶ Expression ─ sql ─▶ a condition with placeholders, and the values for them
//! ```
//!
//! A text is read into an [`Expression`] whose fields are all known ([`field`]) and whose values fit them, or refused with
//! the place and the reason. What a client wrote never becomes part of a statement: only the fields' own columns and
//! the names of placeholders do. Everything here is pure.

pub mod field;
mod parse;
mod sql;

pub use field::Field;
pub use parse::ParseError;
pub use sql::{Condition, Value};

/// Longest text of a search, in bytes. A longer one is refused.
pub const QUERY_BYTES: usize = 4 << 10;

/// Most terms in a search. More are refused.
pub const QUERY_TERMS: usize = 64;

/// Deepest nesting of parentheses. Deeper ones are refused.
pub const QUERY_DEPTH: usize = 32;

/// A search that was understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All of these; everything, if there are none.
    All(Vec<Expression>),
    /// One or more of these.
    Any(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// This text somewhere in the message, the extra fields, the error or the URL, in any letter case.
    Text(String),
    /// A field that is equal to, like, above or below something.
    Term(Term),
}

/// What is asked of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The field.
    pub field: &'static Field,
    /// How it is compared.
    pub test: Test,
}

/// How a field is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is not empty.
    Exists,
    /// It is this text, whole and to the letter.
    Is(String),
    /// It holds this text somewhere, in any letter case.
    Contains(String),
    /// It has this form, with `*` for any text.
    Like(String),
    /// It is so compared with a number.
    Number(Comparison, f64),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `field:5`
    Equal,
    /// `field:>5`
    Above,
    /// `field:>=5`
    AtLeast,
    /// `field:<5`
    Below,
    /// `field:<=5`
    AtMost,
}

impl Expression {
    /// Reads a search. An empty one is everything.
    ///
    /// # Errors
    /// The place of the first mistake, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }
}
