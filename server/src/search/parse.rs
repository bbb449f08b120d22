//! From the text to the expression.
//!
//! ```text
//! any   = all ("OR" all)*
//! all   = not+                          side by side, or with "AND" between
//! not   = ("-" | "NOT") not | "(" any ")" | term
//! term  = field ":" value | word | phrase
//! value = [">" | ">=" | "<" | "<="] word | phrase | "*"
//! ```

use super::field::{FIELDS, Field, Kind};
use super::{Comparison, Expression, QUERY_BYTES, QUERY_DEPTH, QUERY_TERMS, Term, Test};
use log_center_wire::Level;
use std::fmt;

/// Why a search was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The place of the mistake, in characters, from 1.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.position, self.message)
    }
}

impl std::error::Error for ParseError {}

pub(super) fn parse(text: &str) -> Result<Expression, ParseError> {
    if text.len() > QUERY_BYTES {
        return Err(ParseError { position: 1, message: format!("must be at most {QUERY_BYTES} bytes long") });
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    let expression = parser.any(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.refuse(parser.at, "there is no ( for this )")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn refuse(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError { position: self.text[..at].chars().count() + 1, message: message.into() }
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    /// A word of the language, in capitals, that stands alone.
    fn eat_word(&mut self, word: &str) -> bool {
        let alone = self.peek().is_some()
            && self.rest().strip_prefix(word).is_some_and(|rest| {
                rest.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')'))
            });
        alone && self.eat(word)
    }

    fn any(&mut self, depth: usize) -> Result<Expression, ParseError> {
        let mut choices = vec![self.all(depth)?];
        while self.eat_word("OR") {
            self.expect_more("OR")?;
            choices.push(self.all(depth)?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Expression::Any(choices) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, ParseError> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            if next == ')' || self.rest_is_word("OR") {
                break;
            }
            if self.eat_word("AND") {
                self.expect_more("AND")?;
                continue;
            }
            parts.push(self.not(depth)?);
        }
        if parts.is_empty() && self.rest_is_word("OR") {
            return Err(
                self.refuse(self.at, "something must stand before OR; write \"OR\" for the word itself")
            );
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn rest_is_word(&mut self, word: &str) -> bool {
        let before = self.at;
        let is_there = self.eat_word(word);
        self.at = before;
        is_there
    }

    fn expect_more(&mut self, word: &str) -> Result<(), ParseError> {
        match self.peek() {
            None | Some(')') => Err(self.refuse(
                self.at,
                format!("something must follow {word}; write \"{word}\" for the word itself"),
            )),
            Some(_) => Ok(()),
        }
    }

    fn not(&mut self, depth: usize) -> Result<Expression, ParseError> {
        let start = self.at;
        if depth > QUERY_DEPTH {
            return Err(self.refuse(start, format!("is nested more than {QUERY_DEPTH} deep")));
        }
        let dash = self.rest().starts_with('-') && self.rest().len() > 1;
        if (dash && self.eat("-")) || self.eat_word("NOT") {
            self.expect_more(if dash { "-" } else { "NOT" })?;
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.any(depth + 1)?;
            if !self.eat(")") {
                return Err(self.refuse(start, "there is no ) for this ("));
            }
            return Ok(inner);
        }
        self.term()
    }

    fn term(&mut self) -> Result<Expression, ParseError> {
        let start = self.at;
        self.terms += 1;
        if self.terms > QUERY_TERMS {
            return Err(self.refuse(start, format!("has more than {QUERY_TERMS} terms")));
        }
        if self.rest().starts_with('"') {
            return Ok(Expression::Text(self.phrase()?));
        }
        let end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | ':');
        let word = &self.rest()[..self.rest().find(end).unwrap_or(self.rest().len())];
        if !word.is_empty()
            && self.rest()[word.len()..].starts_with(':')
            && !self.rest()[word.len()..].starts_with("://")
        {
            self.at += word.len() + 1;
            return self.value(start, word).map(Expression::Term);
        }
        let word = self.word();
        if word.starts_with(':') {
            return Err(self.refuse(
                start,
                "a field's name must stand before the colon; put text that begins with one in quotes",
            ));
        }
        Ok(Expression::Text(word.to_owned()))
    }

    /// Up to the next space or parenthesis.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word =
            &rest[..rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')')).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Text in quotes; `\"` and `\\` are a quote and a backslash.
    fn phrase(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        let mut phrase = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += index + 1;
                    return Ok(phrase);
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => phrase.push(escaped),
                    Some((_, other)) => phrase.extend(['\\', other]),
                    None => break,
                },
                other => phrase.push(other),
            }
        }
        Err(self.refuse(start, "there is no closing quote for this one"))
    }

    fn value(&mut self, start: usize, name: &str) -> Result<Term, ParseError> {
        let Some(field) = Field::named(name) else {
            let known: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
            return Err(self.refuse(
                start,
                format!(
                    "there is no field {name}; there are {}. Put text with a colon in quotes",
                    known.join(", ")
                ),
            ));
        };
        let at = self.at;
        if self.rest().starts_with('"') {
            let phrase = self.phrase()?;
            let test = match field.kind {
                Kind::Word => Test::Is(phrase),
                Kind::LowerWord => Test::Is(phrase.to_lowercase()),
                Kind::Text => Test::Contains(phrase),
                Kind::Number | Kind::Id | Kind::Level => {
                    self.compared(field, Comparison::Equal, &phrase, at)?
                }
            };
            return Ok(Term { field, test });
        }
        let comparison = self.comparison();
        let word = self.word();
        if word.is_empty() {
            return Err(self.refuse(at, format!("a value must follow {}:", field.name)));
        }
        let test = match (field.kind, comparison) {
            (_, None) if word == "*" => Test::Exists,
            (Kind::Number | Kind::Id | Kind::Level, comparison) => {
                self.compared(field, comparison.unwrap_or(Comparison::Equal), word, at)?
            }
            (_, Some(_)) => {
                return Err(
                    self.refuse(at, format!("{} is no number: it has no more and no less", field.name))
                );
            }
            (Kind::LowerWord, None) => like_or_is(&word.to_lowercase()),
            (Kind::Word, None) => like_or_is(word),
            (Kind::Text, None) if word.contains('*') => Test::Like(word.to_owned()),
            (Kind::Text, None) => Test::Contains(word.to_owned()),
        };
        Ok(Term { field, test })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| self.eat(sign).then_some(comparison))
    }

    fn compared(
        &self,
        field: &'static Field,
        comparison: Comparison,
        word: &str,
        at: usize,
    ) -> Result<Test, ParseError> {
        if field.kind == Kind::Level {
            let named = word.parse::<Level>().ok().map(Level::number);
            let number = named.or_else(|| word.parse::<u8>().ok());
            let rule = "is a level: fatal, error, warn, info, debug or trace, or bunyan's number";
            let number = number.ok_or_else(|| self.refuse(at, format!("{} {rule}", field.name)))?;
            return Ok(Test::Number(comparison, number.into()));
        }
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        let number =
            number.ok_or_else(|| self.refuse(at, format!("{} is a number, {word} is none", field.name)))?;
        Ok(Test::Number(comparison, number))
    }
}

fn like_or_is(word: &str) -> Test {
    if word.contains('*') { Test::Like(word.to_owned()) } else { Test::Is(word.to_owned()) }
}
