use super::super::lexer::{Lexer, Token, heredoc_tag};
use super::Refusal;

/// First words of statements that only read.
const READS: [&str; 8] = ["SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"];

/// Most marks `$tag$` in a statement. ClickHouse's lexer looks for the end of each through all that follows, before any limit: forty
/// thousand of them in 300 kB keep a processor busy for seconds.
const MAX_HEREDOC_MARKS: usize = 200;

/// Refuses what has no place in a reader's statement, whatever ClickHouse makes of it. One pass.
///
/// This lexer decides nothing that ClickHouse's parser is asked about afterwards: where the two disagree, the canonical text is judged
/// as ClickHouse reads it.
///
/// # Errors
/// What is refused.
pub fn scan(sql: &str) -> Result<(), Refusal> {
    check_marks(sql)?;
    let mut first = None;
    let mut ended = false;
    for token in Lexer::new(sql) {
        match token {
            Token::Symbol(';') => {
                ended = true;
                continue;
            }
            Token::Symbol(symbol) if !symbol.is_ascii_graphic() => return Err(Refusal::Character(symbol)),
            Token::Word(word) => {
                if let Some(foreign) = word.chars().find(|character| !character.is_ascii()) {
                    return Err(Refusal::Character(foreign));
                }
            }
            _ => {}
        }
        if ended && first.is_some() {
            return Err(Refusal::Several);
        }
        if token != Token::Open && first.is_none() {
            first = Some(token);
        }
    }
    match first {
        None => Err(Refusal::Empty),
        Some(Token::Word(word)) if READS.iter().any(|read| word.eq_ignore_ascii_case(read)) => Ok(()),
        Some(Token::Word(word)) => Err(Refusal::Writes(word.chars().take(MAX_WORD_CHARS).collect())),
        Some(_) => Err(Refusal::Writes("no word at its beginning".to_owned())),
    }
}

/// Most of a word that an error repeats.
const MAX_WORD_CHARS: usize = 40;

/// Refuses what keeps ClickHouse's lexer busy for long.
///
/// # Errors
/// There are too many marks of heredocs.
pub fn check_marks(sql: &str) -> Result<(), Refusal> {
    // Wherever they stand: it does not matter what this lexer takes for a string.
    let mut marks = sql.match_indices('$').filter(|(at, _)| heredoc_tag(&sql[*at..]).is_some());
    if marks.nth(MAX_HEREDOC_MARKS).is_some() { Err(Refusal::Heredocs) } else { Ok(()) }
}
