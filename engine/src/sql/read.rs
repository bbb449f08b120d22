//! What a statement of somebody who may only read must not hold.
//!
//! `readonly=1` alone does not keep a reader inside: a `SETTINGS` clause of a **subquery** changes every setting, `readonly` and the
//! limits included (seen with 26.7); the function `file` reads files; `DESCRIBE` of a table function opens what that names. So these
//! are refused by their words, before ClickHouse sees them.

use std::fmt;

use super::lexer::{Lexer, Token};
use super::statement::{self, Effect, effect, named_file};

/// Functions that reach files, and are no table functions, which `readonly` covers.
const FUNCTIONS: [&str; 2] = ["file", "catboostEvaluate"];

/// Quotes that ClickHouse takes for `'` and `"`; what stands between them would be read as words here.
const TYPOGRAPHIC_QUOTES: [char; 4] = ['\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}'];

/// Why a statement is refused to somebody who may only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It holds no statement.
    Empty,
    /// It holds more than one.
    Several,
    /// Its first word is not one of those that only read.
    Writes,
    /// It has a `SETTINGS` clause, be it in a subquery.
    Settings,
    /// It has an `INTO OUTFILE` or `FROM INFILE`.
    FileClause,
    /// It names a function that reaches files, or might hide its name by escapes.
    Function,
    /// It describes a table function, which opens what that names.
    DescribedFunction,
    /// It has quotes that are not plain ones, or a character zero.
    Character,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no statement",
            Self::Several => "only one statement at a time is allowed",
            Self::Writes => {
                "only statements that read are allowed: SELECT, WITH, FROM, SHOW, DESCRIBE, EXPLAIN, EXISTS"
            }
            Self::Settings => "SETTINGS are not allowed, in subqueries either; put a column of that name in quotes",
            Self::FileClause => "INTO OUTFILE and FROM INFILE are not allowed",
            Self::Function => {
                "the functions file and catboostEvaluate are not allowed, nor is anything else of that name, nor a quoted \
                 name with a backslash"
            }
            Self::DescribedFunction => "a table function cannot be described",
            Self::Character => "typographic quotes and the character zero are not allowed outside of strings",
        })
    }
}

impl std::error::Error for Refusal {}

/// Checks that a statement does not try more than to read. ClickHouse, told `readonly=1`, checks the rest.
///
/// # Errors
/// What it holds that a reader's statement must not.
pub fn check_read(sql: &str) -> Result<(), Refusal> {
    match statement::count(sql) {
        0 => return Err(Refusal::Empty),
        1 => {}
        _ => return Err(Refusal::Several),
    }
    if effect(sql) == Effect::Writes {
        return Err(Refusal::Writes);
    }
    if named_file(sql).is_some() {
        return Err(Refusal::FileClause);
    }
    if describes_function(sql) {
        return Err(Refusal::DescribedFunction);
    }
    let mut lexer = Lexer::new(sql);
    while let Some(token) = lexer.next() {
        match token {
            Token::Symbol(symbol) if symbol == '\0' || TYPOGRAPHIC_QUOTES.contains(&symbol) => {
                return Err(Refusal::Character);
            }
            _ if token.is_word("SETTINGS") && sets_something(lexer.clone()) => return Err(Refusal::Settings),
            // A function's name alone is enough: `arrayMap(file, …)`, `* APPLY file`.
            _ if is_function(&token) => return Err(Refusal::Function),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a name follows: `SETTINGS a = 1`, or `SETTINGS a`, which switches it on.
fn sets_something(mut after: Lexer<'_>) -> bool {
    matches!(after.next(), Some(Token::Word(_) | Token::QuotedName(_)))
}

fn is_function(token: &Token<'_>) -> bool {
    let is_named = |name: &str| FUNCTIONS.iter().any(|function| function.eq_ignore_ascii_case(name));
    match token {
        Token::Word(name) => is_named(name),
        Token::QuotedName(name) => name.contains('\\') || is_named(name.trim_matches(['`', '"'])),
        _ => false,
    }
}

/// Whether it is `DESCRIBE [TABLE] name(…)`.
fn describes_function(sql: &str) -> bool {
    let mut tokens = Lexer::new(sql).skip_while(|token| *token == Token::Open);
    let describes = tokens.next().is_some_and(|first| first.is_word("DESCRIBE") || first.is_word("DESC"));
    let place = tokens.find(|token| !token.is_word("TABLE"));
    describes && place != Some(Token::Open) && tokens.any(|token| token == Token::Open)
}

/// The format that a statement names for its answer in a `FORMAT` clause.
pub fn answer_format(sql: &str) -> Option<&str> {
    statement::answer_format(sql)
}
