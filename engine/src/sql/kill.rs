use super::lexer::{Lexer, Token};

/// Which statements a `KILL QUERY` names, how, and in which format it answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted<'sql> {
    pub(crate) ids: Vec<Id<'sql>>,
    /// `TEST`: nothing is ended.
    pub(crate) only_shows: bool,
    /// `SYNC`: the answer comes after their end.
    pub(crate) waits: bool,
    pub(crate) format: Option<&'sql str>,
}

/// A query id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Id<'sql> {
    /// As it stands in quotes, without escapes.
    Text(&'sql str),
    /// `{name:String}`.
    Parameter(&'sql str),
}

/// Understands `KILL QUERY WHERE query_id = '…'` with `==`, `IN (…)`, the sides the other way round, parameters, and
/// `SYNC`, `ASYNC`, `TEST` and `FORMAT` behind it. Any other condition is `None`.
pub(crate) fn kill_order(sql: &str) -> Option<Wanted<'_>> {
    let mut lexer = Lexer::new(sql);
    let mut next = || {
        let token = lexer.next()?;
        Some((token, &sql[lexer.start()..lexer.position()]))
    };
    for keyword in ["KILL", "QUERY", "WHERE"] {
        next().filter(|(token, _)| token.is_word(keyword))?;
    }
    // A statement of this kind is short; the longest list of ids is one of some thousands.
    let tokens: Vec<(Token<'_>, &str)> = std::iter::from_fn(next).collect();
    let (ids, rest) = condition(&tokens)?;
    let mut wanted = Wanted { ids, only_shows: false, waits: false, format: None };
    let mut rest = rest;
    loop {
        rest = match rest {
            [] => return Some(wanted),
            [(Token::Symbol(';'), _), after @ ..] => after,
            [(word, _), after @ ..] if word.is_word("SYNC") => {
                wanted.waits = true;
                after
            }
            [(word, _), after @ ..] if word.is_word("ASYNC") => after,
            [(word, _), after @ ..] if word.is_word("TEST") => {
                wanted.only_shows = true;
                after
            }
            [(word, _), (Token::Word(name), _), after @ ..] if word.is_word("FORMAT") => {
                wanted.format = Some(name);
                after
            }
            _ => return None,
        };
    }
}

type Tokens<'a, 'sql> = &'a [(Token<'sql>, &'sql str)];

fn condition<'a, 'sql>(tokens: Tokens<'a, 'sql>) -> Option<(Vec<Id<'sql>>, Tokens<'a, 'sql>)> {
    if let [(Token::Open, _), inside @ ..] = tokens {
        let (ids, rest) = comparison(inside)?;
        return match rest {
            [(Token::Close, _), rest @ ..] => Some((ids, rest)),
            _ => None,
        };
    }
    comparison(tokens)
}

fn comparison<'a, 'sql>(tokens: Tokens<'a, 'sql>) -> Option<(Vec<Id<'sql>>, Tokens<'a, 'sql>)> {
    match tokens {
        [(name, _), (word, _), (Token::Open, _), rest @ ..] if is_query_id(name) && word.is_word("IN") => {
            let mut ids = Vec::new();
            let mut rest = rest;
            loop {
                let (id, after) = id(rest)?;
                ids.push(id);
                match after {
                    [(Token::Symbol(','), _), after @ ..] => rest = after,
                    [(Token::Close, _), after @ ..] => return Some((ids, after)),
                    _ => return None,
                }
            }
        }
        [(name, _), rest @ ..] if is_query_id(name) => {
            let (id, rest) = id(equals(rest)?)?;
            Some((vec![id], rest))
        }
        _ => {
            let (id, rest) = id(tokens)?;
            match equals(rest)? {
                [(name, _), rest @ ..] if is_query_id(name) => Some((vec![id], rest)),
                _ => None,
            }
        }
    }
}

fn is_query_id(token: &Token<'_>) -> bool {
    match token {
        Token::Word(name) => *name == "query_id",
        Token::QuotedName(name) => matches!(*name, "`query_id`" | "\"query_id\""),
        _ => false,
    }
}

fn equals<'a, 'sql>(tokens: Tokens<'a, 'sql>) -> Option<Tokens<'a, 'sql>> {
    match tokens {
        [(Token::Symbol('='), _), (Token::Symbol('='), _), rest @ ..]
        | [(Token::Symbol('='), _), rest @ ..] => Some(rest),
        _ => None,
    }
}

fn id<'a, 'sql>(tokens: Tokens<'a, 'sql>) -> Option<(Id<'sql>, Tokens<'a, 'sql>)> {
    match tokens {
        [(Token::Literal, text), rest @ ..] => {
            let id = text.strip_prefix('\'')?.strip_suffix('\'')?;
            // Query ids with quotes and backslashes are left to ClickHouse, which finds none.
            let is_plain = !id.contains(['\\', '\'']) && !matches!(rest, [(Token::Literal, _), ..]);
            is_plain.then_some((Id::Text(id), rest))
        }
        [
            (Token::Symbol('{'), _),
            (Token::Word(name), _),
            (Token::Symbol(':'), _),
            (r#type, _),
            (Token::Symbol('}'), _),
            rest @ ..,
        ] if r#type.is_word("String") => Some((Id::Parameter(name), rest)),
        _ => None,
    }
}
