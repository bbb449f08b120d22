use super::lexer::{Lexer, Token};
use crate::exception::{Exception, Kind};

/// Whether ending a statement early loses work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Writes,
}

/// By its first word: what only reads may be cancelled at any time.
pub(crate) fn effect(sql: &str) -> Effect {
    const READS: [&str; 10] =
        ["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "FROM", "VALUES"];
    let reads = Lexer::new(sql)
        .find(|token| *token != Token::Open)
        .is_some_and(|first| READS.iter().any(|keyword| first.is_word(keyword)));
    if reads { Effect::Reads } else { Effect::Writes }
}

/// Whether it goes to another database for good.
pub(crate) fn is_use(sql: &str) -> bool {
    Lexer::new(sql).next().is_some_and(|first| first.is_word("USE"))
}

/// Whether a statement may change what tables, databases or functions there are, or how they are described. In doubt it may.
pub(crate) fn changes_descriptions(sql: &str) -> bool {
    const CHANGES_NONE: [&str; 12] = [
        "INSERT", "SET", "USE", "KILL", "OPTIMIZE", "SYSTEM", "TRUNCATE", "DELETE", "UPDATE", "BEGIN",
        "COMMIT", "ROLLBACK",
    ];
    let first = Lexer::new(sql).find(|token| *token != Token::Open);
    effect(sql) == Effect::Writes
        && first.is_some_and(|first| !CHANGES_NONE.iter().any(|keyword| first.is_word(keyword)))
}

/// The format that a statement names for its answer: the last `FORMAT name` outside parentheses, with nothing
/// behind it but settings.
pub fn answer_format(sql: &str) -> Option<&str> {
    let mut format = None;
    let mut depth = 0_u32;
    let mut lexer = Lexer::new(sql).peekable();
    while let Some(token) = lexer.next() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_word("FORMAT") => {
                if let Some(Token::Word(name) | Token::QuotedName(name)) = lexer.peek().copied() {
                    let name = name.trim_matches(['`', '"']);
                    lexer.next();
                    let ends = lexer
                        .peek()
                        .is_none_or(|next| *next == Token::Symbol(';') || next.is_word("SETTINGS"));
                    format = ends.then_some(name).or(format);
                }
            }
            _ => {}
        }
    }
    format
}

/// Refuses what would let SQL reach files of this machine, sandbox or not: `INTO OUTFILE` and `FROM INFILE`.
pub(crate) fn refuse_files(sql: &str) -> Result<(), Exception> {
    match named_file(sql) {
        None => Ok(()),
        Some("INFILE") => Err(Exception::new(Kind::NotImplemented, "FROM INFILE is not allowed over HTTP")),
        Some(_) => Err(Exception::new(Kind::IntoOutfileNotAllowed, "INTO OUTFILE is not allowed")),
    }
}

/// `OUTFILE` or `INFILE`, if the statement has such a clause.
fn named_file(sql: &str) -> Option<&'static str> {
    let tokens = Lexer::new(sql);
    tokens.clone().zip(tokens.skip(1)).find_map(|(token, next)| {
        let has = |first, second| token.is_word(first) && next.is_word(second);
        (has("INTO", "OUTFILE").then_some("OUTFILE")).or(has("FROM", "INFILE").then_some("INFILE"))
    })
}

/// HTTP carries one statement; libchdb would run all of them.
pub(crate) fn refuse_several(sql: &str) -> Result<(), Exception> {
    match count(sql) {
        0 => Err(Exception::new(Kind::SyntaxError, "Empty query")),
        1 => Ok(()),
        _ => Err(Exception::new(Kind::SyntaxError, "Multi-statements are not allowed")),
    }
}

/// How many statements a text holds.
fn count(sql: &str) -> u32 {
    let mut after_semicolon = false;
    let mut statements = 0_u32;
    for token in Lexer::new(sql) {
        if token == Token::Symbol(';') {
            after_semicolon = true;
            continue;
        }
        if statements == 0 || after_semicolon {
            statements += 1;
        }
        after_semicolon = false;
    }
    statements
}
