//! Tokens of a canonical text: what ClickHouse's formatter writes, and nothing else.

use super::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: a keyword or a name.
    Word(String),
    /// A name in backticks, without them and without escapes.
    Quoted(String),
    /// A string, without quotes and escapes.
    Text(String),
    Number(String),
    /// `{name:Type}`.
    Parameter {
        name: String,
        r#type: String,
    },
    Symbol(char),
}

impl Token {
    /// What it names, if it can name something.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word == keyword)
    }
}

/// Cuts a canonical text into tokens, or refuses it: what the formatter does not write cannot be checked.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\n']);
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        if ["--", "/*", "#"].iter().any(|comment| rest.starts_with(comment)) {
            return Err(Refusal::Unclear);
        }
        let (token, after) = match first {
            '\'' => quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after))?,
            '`' => quoted(rest, '`').map(|(name, after)| (Token::Quoted(name), after))?,
            '{' => match parameter(rest)? {
                Some(found) => found,
                None => (Token::Symbol('{'), &rest[1..]),
            },
            '0'..='9' => {
                let after = after_number(rest);
                (Token::Number(rest[..rest.len() - after.len()].to_owned()), after)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let (word, after) =
                    split(rest, |character| character.is_ascii_alphanumeric() || character == '_');
                (Token::Word(word.to_owned()), after)
            }
            '"' | '$' | ';' => return Err(Refusal::Unclear),
            symbol if symbol.is_ascii_graphic() => (Token::Symbol(symbol), &rest[1..]),
            foreign => return Err(Refusal::Character(foreign)),
        };
        tokens.push(token);
        rest = after;
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()))
}

/// `1`, `1.5`, `1e-3`, `0x1F`; the dot of `(1, 2).1` is a symbol of its own.
fn after_number(text: &str) -> &str {
    let (digits, after) = split(text, |character| character.is_ascii_alphanumeric());
    let after = match after.strip_prefix('.') {
        Some(fraction) => split(fraction, |character| character.is_ascii_alphanumeric()).1,
        None => after,
    };
    let number = &text[..text.len() - after.len()];
    match after.strip_prefix(['-', '+']) {
        Some(exponent) if number.ends_with(['e', 'E']) && !digits.starts_with("0x") => {
            split(exponent, |character| character.is_ascii_digit()).1
        }
        _ => after,
    }
}

/// The text between two quotes and what follows. The formatter escapes with backslashes and nothing else.
fn quoted(text: &str, quote: char) -> Result<(String, &str), Refusal> {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, escaped)) => inside.push(match escaped {
                    '\\' | '\'' | '`' | '"' => escaped,
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'a' => '\u{7}',
                    'v' => '\u{b}',
                    'e' => '\u{1b}',
                    '0' => '\0',
                    _ => return Err(Refusal::Unclear),
                }),
                None => return Err(Refusal::Unclear),
            },
            _ if character == quote => return Ok((inside, &text[at + 1..])),
            other => inside.push(other),
        }
    }
    Err(Refusal::Unclear)
}

/// `{name:Type}`; `None` if it is the beginning of a map, whose keys are strings.
fn parameter(text: &str) -> Result<Option<(Token, &str)>, Refusal> {
    let inside = &text[1..];
    let (name, after) = match inside.chars().next() {
        Some('`') => {
            let (name, after) = quoted(inside, '`')?;
            (name, after)
        }
        _ => {
            let (name, after) =
                split(inside, |character| character.is_ascii_alphanumeric() || character == '_');
            (name.to_owned(), after)
        }
    };
    if name.is_empty() {
        return Ok(None);
    }
    let mut rest = after.strip_prefix(':').ok_or(Refusal::Unclear)?;
    let mut r#type = String::new();
    loop {
        let first = rest.chars().next().ok_or(Refusal::Unclear)?;
        match first {
            '}' => return Ok(Some((Token::Parameter { name, r#type }, &rest[1..]))),
            '\'' | '`' => {
                let (_, after) = quoted(rest, first)?;
                r#type.push_str(&rest[..rest.len() - after.len()]);
                rest = after;
            }
            other => {
                r#type.push(other);
                rest = &rest[other.len_utf8()..];
            }
        }
    }
}
