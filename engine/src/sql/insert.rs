use super::lexer::{Lexer, Token};

/// What the first bytes of a statement and its data turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// More bytes are needed to tell.
    Incomplete,
    /// A statement without data of its own; all of the text belongs to it.
    Statement,
    /// An INSERT with data: the statement up to its format, the format, where the data begins.
    Insert { statement: String, format: String, data_start: usize },
}

/// Looks for the end of an INSERT's head in `bytes`, behind which its data begins.
///
/// `complete` says that nothing follows `bytes`. Data need not be UTF-8, the head must be.
pub(crate) fn find_head(bytes: &[u8], complete: bool) -> Head {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            // Data of a binary format, or a character cut in two: the head is in the part before.
            let (valid, _) = bytes.split_at(error.valid_up_to());
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    let binary_follows = text.len() < bytes.len();
    let mut lexer = Lexer::new(text);
    match lexer.next() {
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("INSERT") => {}
        // A first word that ends the text may go on.
        Some(Token::Word(_)) if lexer.position() == text.len() && !complete && !binary_follows => {
            return Head::Incomplete;
        }
        Some(_) => return Head::Statement,
        None if complete => return Head::Statement,
        None => return Head::Incomplete,
    }
    find_data(text, lexer, complete || binary_follows).unwrap_or(if complete {
        Head::Statement
    } else {
        Head::Incomplete
    })
}

/// `text_ends` says that the text is not cut in the middle of a word.
fn find_data(text: &str, mut lexer: Lexer<'_>, text_ends: bool) -> Option<Head> {
    skip_table(&mut lexer);
    let mut depth = 0_u32;
    loop {
        let before = lexer.position();
        let token = lexer.next()?;
        let whole = text_ends || lexer.position() < text.len();
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Word(_) if depth > 0 => {}
            Token::Word(_) if !whole => return None,
            Token::Word(word) if word.eq_ignore_ascii_case("VALUES") => {
                return Some(insert(text, before, "Values", lexer.position()));
            }
            Token::Word(word) if word.eq_ignore_ascii_case("FORMAT") => {
                let Some(Token::Word(format)) = lexer.next() else {
                    return None;
                };
                let data = data_after_format(&text[lexer.position()..], text_ends)?;
                return Some(insert(text, before, format, lexer.position() + data));
            }
            Token::Word(word)
                if ["SELECT", "WITH", "WATCH", "FROM"]
                    .iter()
                    .any(|keyword| word.eq_ignore_ascii_case(keyword)) =>
            {
                return Some(Head::Statement);
            }
            _ => {}
        }
    }
}

fn insert(text: &str, statement_end: usize, format: &str, data_start: usize) -> Head {
    Head::Insert { statement: text[..statement_end].to_owned(), format: format.to_owned(), data_start }
}

/// Steps over `INTO [TABLE | FUNCTION] name[.name]`, so that a table called `format` is not taken for
/// the keyword.
fn skip_table(lexer: &mut Lexer<'_>) {
    let mut ahead = lexer.clone();
    let mut token = ahead.next();
    for optional in ["INTO", "TABLE", "FUNCTION"] {
        if token.is_some_and(|token| token.is_word(optional)) {
            *lexer = ahead.clone();
            token = ahead.next();
        }
    }
    while matches!(token, Some(Token::Word(_) | Token::QuotedName(_))) {
        *lexer = ahead.clone();
        if ahead.next() != Some(Token::Symbol('.')) {
            break;
        }
        token = ahead.next();
    }
}

/// How many bytes after a format's name do not belong to the data: blanks and a semicolon up to one line
/// end, or blanks up to data on the same line. `None` if the text ends before that is clear.
fn data_after_format(text: &str, text_ends: bool) -> Option<usize> {
    let blank = text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b';')).count();
    match text.as_bytes().get(blank) {
        Some(b'\n') => Some(blank + 1),
        Some(_) => Some(blank),
        None => text_ends.then_some(blank),
    }
}
