//! From the expression to a condition of ClickHouse.

use super::field::Kind;
use super::{Comparison, Expression, Term, Test};
use std::collections::BTreeSet;

/// Where a text without a field is looked for.
const TEXT_COLUMNS: [&str; 6] = ["e.msg", "e.extra", "e.err_msg", "e.err_type", "e.url", "e.attributes"];

/// A condition over `event_store AS e`, and what its placeholders stand for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Condition {
    /// SQL of this program's own words, with placeholders `{q0:String}`, `{q1:Float64}` …
    pub sql: String,
    /// The values for the placeholders, by number.
    pub values: Vec<Value>,
    /// The columns that it looks at.
    pub(crate) columns: BTreeSet<&'static str>,
}

/// The value of a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A `String`.
    Text(String),
    /// A `Float64`.
    Number(f64),
}

impl From<&Expression> for Condition {
    fn from(expression: &Expression) -> Self {
        let mut condition = Self::default();
        condition.sql = condition.write(expression);
        condition
    }
}

impl Condition {
    fn write(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::All(parts) => self.join(parts, " AND ", "1"),
            Expression::Any(parts) => self.join(parts, " OR ", "0"),
            Expression::Not(inner) => format!("NOT ({})", self.write(inner)),
            Expression::Text(text) => {
                self.columns.extend(TEXT_COLUMNS);
                let needle = self.text(text);
                let columns = TEXT_COLUMNS.map(|column| contains(column, &needle));
                format!("({})", columns.join(" OR "))
            }
            Expression::Term(term) => self.term(term),
        }
    }

    fn join(&mut self, parts: &[Expression], word: &str, none: &str) -> String {
        if parts.is_empty() {
            return none.to_owned();
        }
        let parts: Vec<_> = parts.iter().map(|part| self.write(part)).collect();
        format!("({})", parts.join(word))
    }

    fn term(&mut self, Term { field, test }: &Term) -> String {
        let column = field.column;
        self.columns.insert(column);
        match test {
            Test::Exists => match field.kind {
                Kind::Number => format!("isNotNull({column})"),
                Kind::Id | Kind::Level => format!("{column} != 0"),
                Kind::Word | Kind::LowerWord | Kind::Text => format!("{column} != ''"),
            },
            Test::Is(text) => format!("{column} = {}", self.text(text)),
            Test::Contains(text) => contains(column, &self.text(text)),
            Test::Like(form) => {
                let operator = if field.kind == Kind::Text { "ILIKE" } else { "LIKE" };
                format!("{column} {operator} {}", self.text(&like(form)))
            }
            Test::Number(comparison, number) => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::Above => ">",
                    Comparison::AtLeast => ">=",
                    Comparison::Below => "<",
                    Comparison::AtMost => "<=",
                };
                self.values.push(Value::Number(*number));
                let compared = format!("{column} {sign} {{q{}:Float64}}", self.values.len() - 1);
                // What is absent fails every comparison, and so passes every denied one.
                if field.kind == Kind::Number { format!("ifNull({compared}, 0)") } else { compared }
            }
        }
    }

    fn text(&mut self, text: &str) -> String {
        self.values.push(Value::Text(text.to_owned()));
        format!("{{q{}:String}}", self.values.len() - 1)
    }
}

fn contains(column: &str, needle: &str) -> String {
    format!("positionCaseInsensitiveUTF8({column}, {needle}) > 0")
}

/// `*` is any text; what LIKE has of its own means itself.
fn like(form: &str) -> String {
    let mut pattern = String::with_capacity(form.len() + 8);
    for character in form.chars() {
        match character {
            '*' => pattern.push('%'),
            '%' | '_' | '\\' => pattern.extend(['\\', character]),
            other => pattern.push(other),
        }
    }
    pattern
}
