//! Strings that ClickHouse parses, and with that runs: columns with default expressions, aggregate functions with their parameters; and
//! states of aggregate functions, whose bytes it trusts.
//!
//! What stands in them is in no tree, so each must be written out where it is used, and hold names and literals only. What could be put
//! together while the statement runs could hold anything.

use super::token::{Token, tokens};
use super::{Refusal, allowed, columns};

/// What the first argument is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    /// `a UInt8, b String`, in which ClickHouse takes `DEFAULT` and its kin, too. A number is something else, and may stand there as well.
    Columns,
    /// `quantile(0.5)`, whose parameters ClickHouse computes.
    Aggregate,
}

/// Functions and table functions that are allowed and read their first argument so, in lower case.
const READERS: [(&str, Language); 4] = [
    ("arrayreduce", Language::Aggregate),
    ("arrayreduceinranges", Language::Aggregate),
    ("generaterandom", Language::Columns),
    ("initializeaggregation", Language::Aggregate),
];

/// What makes a value of a string, of the type that its last argument names. The formatter writes `x::UInt8` so, too.
const CASTS: [&str; 2] = ["cast", "_cast"];

/// Checks the first argument of a call, if it is read as code. `after` are the tokens behind the name. A bare name can stand for a
/// function as well (`arrayMap(arrayReduce, …)`), and then nobody knows its arguments.
pub(super) fn check(name: &str, after: &[Token]) -> Result<(), Refusal> {
    if CASTS.iter().any(|cast| name.eq_ignore_ascii_case(cast)) {
        return check_cast(name, after);
    }
    let Some((_, language)) = READERS.iter().find(|(reader, _)| name.eq_ignore_ascii_case(reader)) else {
        return Ok(());
    };
    let code = match after {
        [Token::Symbol('('), Token::Symbol(')') | Token::Number(_), ..] if *language == Language::Columns => {
            return Ok(());
        }
        [Token::Symbol('('), Token::Text(code), Token::Symbol(',' | ')'), ..] => code,
        _ => return Err(Refusal::Code(name.to_owned())),
    };
    match language {
        Language::Columns => columns::read_columns(code, true).map(drop),
        Language::Aggregate if is_aggregate(code) => Ok(()),
        Language::Aggregate => Err(Refusal::Code(name.to_owned())),
    }
}

/// The type must be written out, and hold no state.
fn check_cast(name: &str, after: &[Token]) -> Result<(), Refusal> {
    let [Token::Symbol('('), arguments @ ..] = after else { return Ok(()) };
    let mut depth = 0_usize;
    let end = arguments.iter().position(|token| {
        let is_end = depth == 0 && *token == Token::Symbol(')');
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_end
    });
    match end.map(|end| &arguments[..end]) {
        Some([.., Token::Symbol(','), Token::Text(r#type)]) => check_type(r#type),
        _ => Err(Refusal::Code(name.to_owned())),
    }
}

/// Refuses a type whose values hold states of aggregate functions.
pub(super) fn check_type(name: &str) -> Result<(), Refusal> {
    const STATE: &str = "aggregatefunction";
    let name = name.to_ascii_lowercase();
    let holds_state = name.match_indices(STATE).any(|(at, _)| !name[..at].ends_with("simple"));
    if holds_state || has_quoted_call(&name) { Err(Refusal::State) } else { Ok(()) }
}

/// Whether a quoted name, in which escapes may hide what it says, could be that of a type with arguments. Names of a tuple's elements and
/// paths of a JSON may be quoted as well.
fn has_quoted_call(r#type: &str) -> bool {
    let mut rest = r#type;
    while let Some(start) = rest.find(['`', '"', '\'', '$']) {
        let quote = rest.as_bytes()[start];
        let inside = &rest[start + 1..];
        let mut is_escaped = false;
        let end = inside.bytes().position(|byte| {
            let ends = byte == quote && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let Some(end) = end.filter(|_| quote != b'$') else { return true };
        rest = &inside[end + 1..];
        let next = rest.trim_start_matches(' ').bytes().next();
        let is_plain = next.is_none_or(|next| next.is_ascii_alphabetic() || b",)`\"'".contains(&next));
        if quote != b'\'' && !is_plain {
            return true;
        }
    }
    false
}

/// A name that is allowed, with or without literals as its parameters. A parenthesis inside of these could call something.
fn is_aggregate(code: &str) -> bool {
    let Ok(tokens) = tokens(code) else { return false };
    let [Token::Word(name), parameters @ ..] = tokens.as_slice() else { return false };
    let is_literal = |token: &Token| {
        matches!(token, Token::Number(_) | Token::Text(_) | Token::Symbol(',' | '-' | '[' | ']'))
    };
    let are_literals = match parameters {
        [] => true,
        [Token::Symbol('('), inside @ .., Token::Symbol(')')] => inside.iter().all(is_literal),
        _ => false,
    };
    are_literals && allowed::allows_function(name)
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::check;

    #[track_caller]
    fn is_allowed(call: &str, expected: bool) {
        let tokens = tokens(call).unwrap();
        let name = tokens[0].name().unwrap();
        assert_eq!(check(name, &tokens[1..]).is_ok(), expected, "{call}");
    }

    #[test]
    fn names_and_literals_may_be_code() {
        for call in [
            "lower(x)",
            "arrayReduce('sum', [1])",
            "arrayReduce('quantilesState(0.5, -1, 0.9)', [1])",
            "initializeAggregation('groupArrayIf', 1, 1)",
            "generateRandom('a UInt8, b Array(Nullable(String))', 1)",
            "generateRandom(1)",
            "generateRandom()",
            "CAST(f((1), ')'), 'SimpleAggregateFunction(sum, UInt64)')",
            r#"CAST(x, 'Tuple(`a b` Array(UInt8), "c" String)')"#,
            r"CAST(x, 'Enum8(\'it\\\'s\' = 1)')",
            "cast",
        ] {
            is_allowed(call, true);
        }
    }

    #[test]
    fn nothing_else_may() {
        for call in [
            "arrayReduce",
            "arrayReduce, x",
            "arrayReduce(x, [1])",
            "arrayReduce(concat('su', 'm'), [1])",
            "arrayReduce('su' || 'm', [1])",
            "ARRAYREDUCE('quantile(file(\\'x\\'))', [1])",
            "arrayReduce('quantile((SELECT 1))', [1])",
            "arrayReduce('quantile(x)', [1])",
            "arrayReduce('groupFormat(\\'CSV\\')', [1])",
            "arrayReduce('sum) + file(\\'x\\'', [1])",
            "generateRandom('a String DEFAULT file(\\'x\\')')",
            "generateRandom('a String ALIAS 1')",
            "generateRandom('a AggregateFunction(sum, UInt8)')",
            "generateRandom({s:String})",
            "CAST('x', 'Array(AggregateFunction(sum, UInt64))')",
            "CAST('x', concat('Aggregate', 'Function(sum, UInt64)'))",
            "CAST('x', 'UInt8' AS t)",
            r"CAST('x', '`Aggregate\\x46unction`(sum, UInt64)')",
            r#"CAST('x', '"Aggregate\\x46unction" /**/ (sum, UInt64)')"#,
            "_CAST(unhex('00'), 'aggregateFunction(sum, UInt64)')",
        ] {
            is_allowed(call, false);
        }
    }
}
