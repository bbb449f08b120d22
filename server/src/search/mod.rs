//! The language in which events are searched: `level:error service:pay "card declined" tm:>500 -url:/health*`.
//!
//! ```text
//! text ─ parse ─▶ Expression ─ sql ─▶ a condition with placeholders, and the values for them
//!                     └────── time ─▶ the time outside of which nothing can be found
//! ```
//!
//! A text is read into an [`Expression`] whose fields are all known ([`field`]) and whose values fit them, or refused with
//! the place and the reason. What a client wrote never becomes part of a statement: only the fields' own columns and
//! the names of placeholders do. Everything here is pure.
//!
//! Four rules hold for every term:
//! - An event that does not have a field is never equal to, like, above or below anything; so a denied term finds it.
//! - A level between two names counts as the lower one: `level:error` is 50 to 59.
//! - Values of `attributes` and `extra` are compared as what they stand for, not as the JSON or the quotes that stand for them.
//! - A term that compares a whole `time`, `req_id`, `service` or `issue` reaches the index of that column, and so does one
//!   that is joined to others by AND. Terms that are denied, that look for text or for keys, and whole ORs in which one side is
//!   such a term read every event of the time that is searched.

pub mod field;
mod interval;
mod json;
mod parse;
mod sql;
mod subject;
mod time;

pub use field::Field;
pub use interval::{Interval, Point};
pub use parse::ParseError;
pub use sql::{Condition, Value};
pub use subject::Subject;
pub(crate) use time::{TimeSpan, age_ms};

use log_center_wire::UnixMillis;

/// Longest text of a search, in bytes. A longer one is refused.
pub const QUERY_BYTES: usize = 4 << 10;

/// Most terms in a search. More are refused.
pub const QUERY_TERMS: usize = 64;

/// Deepest nesting of parentheses and denials. Deeper ones are refused.
pub const QUERY_DEPTH: usize = 32;

/// Most keys in the path of an attribute. A longer one is refused.
pub const PATH_KEYS: usize = 6;

/// A search that was understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All of these; everything, if there are none.
    All(Vec<Expression>),
    /// One or more of these.
    Any(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// This text somewhere in the message, the extra fields, the error, the URL or a value of the attributes, in any
    /// letter case.
    Text(String),
    /// A field that is equal to, like, above or below something.
    Term(Term),
}

/// What is asked of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The field, or the key in a field.
    pub subject: Subject,
    /// How it is compared.
    pub test: Test,
}

/// How a field is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The event has it.
    Exists,
    /// It is this text, whole and to the letter.
    Is(String),
    /// It is this number, whether it is written like this or otherwise. For the values of attributes, which are both.
    IsNumber {
        /// The number as it was written.
        text: String,
        /// The number.
        number: f64,
    },
    /// It holds this text somewhere, in any letter case.
    Contains(String),
    /// It has this form, with `*` for any text.
    Like(String),
    /// It lies between these bounds.
    Within(Interval),
}

impl Expression {
    /// Reads a search. An empty one is everything. Ages (`time:>1h`) are counted back from `now`.
    ///
    /// # Errors
    /// The place of the first mistake, what is wrong there and what was expected.
    pub fn parse(text: &str, now: UnixMillis) -> Result<Self, ParseError> {
        parse::parse(text, now)
    }
}
