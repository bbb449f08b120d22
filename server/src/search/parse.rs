//! From the text to the expression.
//!
//! ```text
//! any    = all ("OR" all)*
//! all    = not+                          side by side, or with "AND" between
//! not    = ("-" | "NOT") not | "(" any ")" | term
//! term   = name (":" | "!=") value | word | phrase
//! value  = [">" | ">=" | "<" | "<=" | "=" | "!="] word | phrase | "*" | range | "(" any ")"
//! range  = ("[" | "{") bound "TO" bound ("]" | "}")
//! ```
//! In the parentheses of a value stand further values of the same field in place of terms.
//!
//! The text is read from front to end. Only the first word of a term is looked at twice, once for a name and once as text.

mod value;

use super::{Expression, QUERY_BYTES, QUERY_DEPTH, QUERY_TERMS, Subject};
use log_center_wire::UnixMillis;
use std::fmt;

/// Why a search was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The place of the mistake, in characters, from 1.
    pub position: usize,
    /// What is wrong there, and what was expected.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.position, self.message)
    }
}

impl std::error::Error for ParseError {}

pub(super) fn parse(text: &str, now: UnixMillis) -> Result<Expression, ParseError> {
    if text.len() > QUERY_BYTES {
        return Err(ParseError { position: 1, message: format!("must be at most {QUERY_BYTES} bytes long") });
    }
    let mut parser = Parser { text, at: 0, terms: 0, now };
    let expression = parser.any(0, None)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.refuse(parser.at, "there is no ( for this ); a term or the end is expected")),
    }
}

/// Words that other languages join terms with, and what joins them here.
const JOINTS: [(&str, &str); 4] = [("or", "OR"), ("and", "AND"), ("||", "OR"), ("&&", "AND")];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
    now: UnixMillis,
}

/// How a name is joined to its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// `:`
    Is,
    /// `!=`
    IsNot,
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
        let spaces = rest.len() - rest.trim_start().len();
        looked_at(spaces + 1);
        self.at += spaces;
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    /// Whether the next word is this one and stands alone.
    fn is_word(&mut self, word: &str) -> bool {
        self.peek().is_some()
            && self.rest().strip_prefix(word).is_some_and(|rest| {
                rest.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')'))
            })
    }

    /// A word of the language, in capitals, that stands alone.
    fn eat_word(&mut self, word: &str) -> bool {
        self.is_word(word) && self.eat(word)
    }

    /// Terms, or values of `of`.
    fn any(&mut self, depth: usize, of: Option<&Subject>) -> Result<Expression, ParseError> {
        let mut choices = vec![self.all(depth, of)?];
        while self.eat_word("OR") {
            self.expect_more("OR")?;
            choices.push(self.all(depth, of)?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Expression::Any(choices) })
    }

    fn all(&mut self, depth: usize, of: Option<&Subject>) -> Result<Expression, ParseError> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            if next == ')' || self.is_word("OR") {
                break;
            }
            if self.eat_word("AND") {
                self.expect_more("AND")?;
                continue;
            }
            if !parts.is_empty() {
                self.expect_no_joint()?;
            }
            parts.push(self.not(depth, of)?);
        }
        if parts.is_empty() && self.is_word("OR") {
            return Err(
                self.refuse(self.at, "something must stand before OR; write \"OR\" for the word itself")
            );
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
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

    /// What is meant to join two terms must not silently be searched for.
    fn expect_no_joint(&mut self) -> Result<(), ParseError> {
        let Some((word, joint)) = JOINTS.into_iter().find(|(word, _)| self.is_word(word)) else {
            return Ok(());
        };
        let behind = self.rest()[word.len()..].trim_start();
        if behind.is_empty() || behind.starts_with(')') {
            return Ok(());
        }
        let meaning = if joint == "OR" { "one or the other" } else { "both" };
        Err(self.refuse(
            self.at,
            format!("write {joint}, in capitals, to find {meaning}, or \"{word}\" to find the text itself"),
        ))
    }

    fn not(&mut self, depth: usize, of: Option<&Subject>) -> Result<Expression, ParseError> {
        let start = self.at;
        if depth > QUERY_DEPTH {
            return Err(self.refuse(start, format!("is nested more than {QUERY_DEPTH} deep")));
        }
        let dash = self.rest().starts_with('-') && self.rest().len() > 1;
        if (dash && self.eat("-")) || self.eat_word("NOT") {
            self.expect_more(if dash { "-" } else { "NOT" })?;
            return Ok(Expression::Not(Box::new(self.not(depth + 1, of)?)));
        }
        if self.rest().starts_with('(') {
            return self.parentheses(depth, of);
        }
        self.terms += 1;
        if self.terms > QUERY_TERMS {
            return Err(self.refuse(start, format!("has more than {QUERY_TERMS} terms")));
        }
        match of {
            Some(subject) => self.value(subject),
            None => self.term(depth),
        }
    }

    fn parentheses(&mut self, depth: usize, of: Option<&Subject>) -> Result<Expression, ParseError> {
        let start = self.at;
        self.eat("(");
        let inner = self.any(depth + 1, of)?;
        if !self.eat(")") {
            return Err(self.refuse(start, "there is no ) for this (; one is expected before the end"));
        }
        match &inner {
            Expression::All(parts) if parts.is_empty() && of.is_some() => {
                Err(self.refuse(start, "values are expected in the parentheses, as in uid:(a OR b)"))
            }
            _ => Ok(inner),
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expression, ParseError> {
        let start = self.at;
        if self.rest().starts_with('"') {
            return Ok(Expression::Text(self.phrase()?));
        }
        if let Some((name, joint)) = self.name()? {
            let subject = Subject::named(name).map_err(|message| self.refuse(start, message))?;
            let value = if self.rest().starts_with('(') {
                self.parentheses(depth, Some(&subject))?
            } else {
                self.value(&subject)?
            };
            return Ok(match joint {
                Joint::Is => value,
                Joint::IsNot => Expression::Not(Box::new(value)),
            });
        }
        if self.is_word("not") {
            self.expect_no_denied_term()?;
        }
        let word = self.word();
        if word.starts_with(':') || word.starts_with("!=") {
            return Err(self.refuse(
                start,
                "a field's name is expected before : and !=; put text that begins with one in quotes",
            ));
        }
        Ok(Expression::Text(word.to_owned()))
    }

    /// A word `not` before a term or a parenthesis is meant to deny it. Before text it is text.
    fn expect_no_denied_term(&self) -> Result<(), ParseError> {
        let mut ahead = Parser { at: self.at + "not".len(), ..*self };
        let denies = match ahead.peek() {
            Some('(') => true,
            Some(_) => ahead.name().is_ok_and(|name| name.is_some()),
            None => false,
        };
        if denies {
            let message =
                "write NOT, in capitals, to find what is not so, or \"not\" to find the text itself";
            return Err(self.refuse(self.at, message));
        }
        Ok(())
    }

    /// A name with what joins it to its value, if the next word begins with one.
    fn name(&mut self) -> Result<Option<(&'a str, Joint)>, ParseError> {
        let rest = self.rest();
        let mut end = 0;
        while let Some(next) = rest[end..].chars().next() {
            looked_at(1);
            let joint = match next {
                ':' => Some(Joint::Is),
                '!' if rest[end..].starts_with("!=") => Some(Joint::IsNot),
                _ => None,
            };
            if let Some(joint) = joint {
                if end == 0 || rest[end..].starts_with("://") {
                    return Ok(None);
                }
                self.at += end + if joint == Joint::Is { 1 } else { 2 };
                return Ok(Some((&rest[..end], joint)));
            }
            if next == '"' && rest[..end].ends_with('.') && Subject::begins_key(&rest[..end]) {
                let mut quoted = Parser { at: self.at + end, ..*self };
                quoted.phrase()?;
                end = quoted.at - self.at;
                continue;
            }
            if next.is_whitespace() || matches!(next, '(' | ')' | '"') {
                return Ok(None);
            }
            end += next.len_utf8();
        }
        Ok(None)
    }

    /// Up to the next space or parenthesis.
    fn word(&mut self) -> &'a str {
        self.until(&['(', ')'])
    }

    /// Up to the next space or one of these.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ends.contains(&c)).unwrap_or(rest.len());
        looked_at(end + 1);
        self.at += end;
        &rest[..end]
    }

    /// Text in quotes; `\"` and `\\` are a quote and a backslash.
    fn phrase(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        let mut phrase = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            looked_at(1);
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
        Err(self.refuse(start, "there is no closing quote for this one; one is expected before the end"))
    }
}

/// Counts how often a character is looked at, for the test that it is seldom.
#[cfg(not(test))]
const fn looked_at(_: usize) {}

#[cfg(test)]
use tests::looked_at;

#[cfg(test)]
mod tests {
    use super::{QUERY_BYTES, parse};
    use log_center_wire::UnixMillis;
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn looked_at(characters: usize) {
        LOOKS.set(LOOKS.get() + characters);
    }

    /// How often a character of the text is looked at on average, at most; some fifteen things may begin at each.
    const LOOKS_EACH: usize = 24;

    proptest! {
        /// Reading never panics, and takes a time that grows with the text alone, whatever is repeated in it.
        #[test]
        fn reading_is_linear(
            piece in "([a-z:\"()*<>=!.\\[\\]{} \\\\-]|OR|AND|NOT |or | TO |tm:|uid:|attributes\\.\"|extra\\.){1,12}",
            count in 1..200_usize,
        ) {
            let text = piece.repeat(count);
            let end = (0..=text.len().min(QUERY_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            LOOKS.set(0);
            _ = parse(&text[..end], UnixMillis(0));
            prop_assert!(LOOKS.get() <= LOOKS_EACH * (end + 8), "{} looks at {end} bytes: {piece:?}", LOOKS.get());
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            _ = parse(&text, UnixMillis(0));
        }
    }
}
