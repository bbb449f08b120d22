//! Columns that a reader gives as text: names and types, and nothing that ClickHouse would compute.

use super::Refusal;
use super::token::{Token, tokens};

/// A column: its name, and its type as ClickHouse reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Without quotes.
    pub name: String,
    /// Of the types below and literals only.
    pub r#type: String,
}

/// Types inside of each other.
const MAX_DEPTH: usize = 16;

/// Types that data from outside may have. Not: states of aggregate functions, which are trusted when they are read.
const TYPES: &[&str] = &[
    "Array",
    "BFloat16",
    "Bool",
    "Date",
    "Date32",
    "DateTime",
    "DateTime32",
    "DateTime64",
    "Decimal",
    "Decimal32",
    "Decimal64",
    "Decimal128",
    "Decimal256",
    "Dynamic",
    "Enum",
    "Enum8",
    "Enum16",
    "FixedString",
    "Float32",
    "Float64",
    "IPv4",
    "IPv6",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Int128",
    "Int256",
    "JSON",
    "LineString",
    "LowCardinality",
    "Map",
    "MultiLineString",
    "MultiPolygon",
    "Nested",
    "Nothing",
    "Nullable",
    "Point",
    "Polygon",
    "Ring",
    "String",
    "Time",
    "Time64",
    "Tuple",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt128",
    "UInt256",
    "UUID",
    "Variant",
];

/// Reads `name Type, …`, or, if they have no names, `Type, …` whose columns are called `_1`, `_2` and so on.
///
/// # Errors
/// It is anything else.
pub fn read_columns(text: &str, are_named: bool) -> Result<Vec<Column>, Refusal> {
    let wrong = || Refusal::Columns(text.chars().take(MAX_SHOWN_CHARS).collect());
    let all = tokens(text).map_err(|_| wrong())?;
    let mut rest = all.as_slice();
    let mut columns = Vec::new();
    loop {
        let name = match rest {
            [name, after @ ..] if are_named => {
                rest = after;
                name.name().ok_or_else(wrong)?.to_owned()
            }
            _ => format!("_{}", columns.len() + 1),
        };
        let mut r#type = String::new();
        rest = read_type(rest, &mut r#type, 0).ok_or_else(wrong)?;
        columns.push(Column { name, r#type });
        match rest {
            [] => return Ok(columns),
            [Token::Symbol(','), after @ ..] if !after.is_empty() => rest = after,
            _ => return Err(wrong()),
        }
    }
}

/// Most of the columns that an error repeats.
const MAX_SHOWN_CHARS: usize = 200;

/// Writes the type that the tokens begin with and gives what follows.
fn read_type<'tokens>(tokens: &'tokens [Token], out: &mut String, depth: usize) -> Option<&'tokens [Token]> {
    let [Token::Word(name), rest @ ..] = tokens else { return None };
    if !TYPES.contains(&name.as_str()) || depth > MAX_DEPTH {
        return None;
    }
    out.push_str(name);
    let [Token::Symbol('('), rest @ ..] = rest else { return Some(rest) };
    out.push('(');
    let mut rest = rest;
    loop {
        rest = read_argument(rest, out, depth)?;
        match rest {
            [Token::Symbol(')'), after @ ..] => {
                out.push(')');
                return Some(after);
            }
            [Token::Symbol(','), after @ ..] => {
                out.push_str(", ");
                rest = after;
            }
            _ => return None,
        }
    }
}

/// A number, a text, `'text' = number`, `limit = number`, a type, or a name and a type.
fn read_argument<'tokens>(
    tokens: &'tokens [Token],
    out: &mut String,
    depth: usize,
) -> Option<&'tokens [Token]> {
    match tokens {
        [Token::Number(number), rest @ ..] => {
            out.push_str(number);
            Some(rest)
        }
        [Token::Text(text), rest @ ..] => {
            quote(text, '\'', out);
            match rest {
                [Token::Symbol('='), rest @ ..] => read_value(rest, out),
                _ => Some(rest),
            }
        }
        [Token::Word(limit), Token::Symbol('='), rest @ ..]
            if limit.starts_with("max_dynamic_") || limit == "max_types" =>
        {
            out.push_str(limit);
            read_value(rest, out)
        }
        [Token::Word(_), Token::Symbol('(' | ')' | ','), ..] => read_type(tokens, out, depth + 1),
        [name, rest @ ..] => {
            quote(name.name()?, '`', out);
            out.push(' ');
            read_type(rest, out, depth + 1)
        }
        [] => None,
    }
}

fn read_value<'tokens>(tokens: &'tokens [Token], out: &mut String) -> Option<&'tokens [Token]> {
    out.push_str(" = ");
    let tokens = match tokens {
        [Token::Symbol('-'), rest @ ..] => {
            out.push('-');
            rest
        }
        other => other,
    };
    let [Token::Number(number), rest @ ..] = tokens else { return None };
    out.push_str(number);
    Some(rest)
}

fn quote(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for character in text.chars() {
        if character == '\\' || character == quote {
            out.push('\\');
        }
        out.push(character);
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::read_columns;

    #[track_caller]
    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let read = read_columns(text, true).ok();
        let read = read.map(|columns| {
            columns.into_iter().map(|column| (column.name, column.r#type)).collect::<Vec<_>>()
        });
        let owned = |(name, of): &(&str, &str)| ((*name).to_owned(), (*of).to_owned());
        assert_eq!(read, expected.map(|all| all.iter().map(owned).collect()), "{text}");
    }

    #[test]
    fn columns_are_names_and_types() {
        check(
            "a UInt8,b  Array(Nullable(String))",
            Some(&[("a", "UInt8"), ("b", "Array(Nullable(String))")]),
        );
        check("`a b` DateTime64(3, 'UTC')", Some(&[("a b", "DateTime64(3, 'UTC')")]));
        check("e Enum8('x' = -1, 'it\\'s' = 2)", Some(&[("e", "Enum8('x' = -1, 'it\\'s' = 2)")]));
        check("t Tuple(a UInt8, `b` String)", Some(&[("t", "Tuple(`a` UInt8, `b` String)")]));
        check(
            "j JSON(max_dynamic_paths=1, p UInt8)",
            Some(&[("j", "JSON(max_dynamic_paths = 1, `p` UInt8)")]),
        );
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "a",
            "a UInt8,",
            "a String DEFAULT file('/etc/passwd')",
            "a String CODEC(ZSTD)",
            "a String, INDEX i a TYPE minmax",
            "a DateTime(file('x'))",
            "a DateTime(1) DEFAULT file('x')",
            "a Enum8('a' = file('x'))",
            "a AggregateFunction(sum, UInt8)",
            "a Unknown",
            "a UInt8) ENGINE = File(CSV",
            "a UInt8 -- comment",
            "a Array(UInt8",
        ] {
            check(text, None);
        }
    }
}
