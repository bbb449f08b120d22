use std::collections::HashMap;
use std::rc::Rc;

/// A piece of SQL, as much as its meaning matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'sql> {
    /// A bare word: keyword or name.
    Word(&'sql str),
    /// A name in backticks or double quotes, with its quotes.
    QuotedName(&'sql str),
    /// A string or number.
    Literal,
    Open,
    Close,
    /// Any other single character.
    Symbol(char),
}

impl Token<'_> {
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// Walks through SQL, skipping plain blanks and comments; a blank beyond ASCII is a symbol. What follows an unclosed quote is one literal.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'sql> {
    sql: &'sql str,
    start: usize,
    position: usize,
    /// Where each tag of a heredoc stands last; made when the first is met.
    last_tags: Option<Rc<HashMap<&'sql str, usize>>>,
}

impl<'sql> Lexer<'sql> {
    pub(super) fn new(sql: &'sql str) -> Self {
        Self { sql, start: 0, position: 0, last_tags: None }
    }

    /// The first byte of the last token.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The byte after the last token.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn rest(&self) -> &'sql str {
        &self.sql[self.position..]
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let comment =
                if trimmed.starts_with("--") || trimmed.starts_with("# ") || trimmed.starts_with("#!") {
                    trimmed.find('\n').unwrap_or(trimmed.len())
                } else if trimmed.starts_with("/*") {
                    comment_length(trimmed)
                } else {
                    0
                };
            self.position += rest.len() - trimmed.len() + comment;
            if comment == 0 {
                return;
            }
        }
    }

    /// Length of `$tag$…$tag$` with both tags, if the text begins with one.
    ///
    /// All closing tags are found in one pass: a text of a hundred thousand tags that nothing closes is looked through once, not once
    /// for each.
    fn heredoc_length(&mut self, text: &'sql str) -> Option<usize> {
        let tag = heredoc_tag(text)?;
        let last_tags = self.last_tags.get_or_insert_with(|| Rc::new(last_tags(self.sql)));
        let end = self.position + tag.len();
        if last_tags.get(tag).is_none_or(|last| *last < end) {
            return None;
        }
        Some(tag.len() + text[tag.len()..].find(tag)? + tag.len())
    }

    fn take(&mut self, length: usize) -> &'sql str {
        let taken = &self.rest()[..length];
        self.position += length;
        taken
    }
}

impl<'sql> Iterator for Lexer<'sql> {
    type Item = Token<'sql>;

    fn next(&mut self) -> Option<Token<'sql>> {
        self.skip_blanks_and_comments();
        self.start = self.position;
        let rest = self.rest();
        let first = rest.chars().next()?;
        Some(match first {
            '(' => {
                self.take(1);
                Token::Open
            }
            ')' => {
                self.take(1);
                Token::Close
            }
            '\'' => {
                self.take(quoted_length(rest, b'\''));
                Token::Literal
            }
            '`' | '"' => Token::QuotedName(self.take(quoted_length(rest, first as u8))),
            '$' if let Some(length) = self.heredoc_length(rest) => {
                self.take(length);
                Token::Literal
            }
            '0'..='9' => {
                self.take(run_length(rest, |c| c.is_ascii_alphanumeric() || c == '.' || c == '_'));
                Token::Literal
            }
            c if is_name(c) => Token::Word(self.take(run_length(rest, is_name))),
            c => {
                self.take(c.len_utf8());
                Token::Symbol(c)
            }
        })
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn run_length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Length of `/* … */` with all comments inside of it: they nest, as in ClickHouse.
fn comment_length(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => depth += 1,
            Some(b"*/") => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of a quoted piece with its quotes. Backslash escapes, and so does doubling the quote, which
/// falls out of lexing the second half as a literal of its own.
fn quoted_length(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `$tag$`, if the text begins with one.
pub(super) fn heredoc_tag(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let length = run_length(name, |c| c.is_alphanumeric() || c == '_');
    name[length..].starts_with('$').then(|| &text[..length + 2])
}

/// The last place of each `$tag$`. A tag holds no `$`, so this reads each character twice at most.
fn last_tags(sql: &str) -> HashMap<&str, usize> {
    sql.match_indices('$').filter_map(|(at, _)| heredoc_tag(&sql[at..]).map(|tag| (tag, at))).collect()
}
