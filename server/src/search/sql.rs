//! From the expression to a condition of ClickHouse.

use super::field::{Field, Kind};
use super::json;
use super::{Expression, Interval, Point, Subject, Term, Test};
use std::collections::BTreeSet;
use std::ops::Bound;

/// Where a text without a field is looked for, besides `extra` and the values of `attributes`.
const TEXT_COLUMNS: [&str; 4] = ["e.msg", "e.err_msg", "e.err_type", "e.url"];

const EXTRA: &str = "e.extra";
const ATTRIBUTES: &str = "e.attributes";

/// The times that the columns of times can hold, in milliseconds since 1970: the years 1900 to 2299.
const TIMES_MS: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

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
    /// A `UInt64`.
    Whole(u64),
    /// An `Int64`.
    Millis(i64),
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
            Expression::Text(text) => self.anywhere(text),
            Expression::Term(Term { subject, test }) => match subject {
                Subject::Field(field) => self.field(field, test),
                Subject::Attribute(keys) => self.attribute(keys, test),
                Subject::Extra(key) => self.extra(key, test),
            },
        }
    }

    fn join(&mut self, parts: &[Expression], word: &str, none: &str) -> String {
        if parts.is_empty() {
            return none.to_owned();
        }
        let parts: Vec<_> = parts.iter().map(|part| self.write(part)).collect();
        format!("({})", parts.join(word))
    }

    fn anywhere(&mut self, text: &str) -> String {
        self.columns.extend(TEXT_COLUMNS);
        self.columns.extend([EXTRA, ATTRIBUTES]);
        let needle = self.text(text);
        let columns = TEXT_COLUMNS.map(|column| contains(column, &needle));
        let extra = contains_in_extra(&needle);
        let attributes = self.contains_in_json(ATTRIBUTES, &needle);
        format!("({} OR {extra} OR {attributes})", columns.join(" OR "))
    }

    fn field(&mut self, field: &Field, test: &Test) -> String {
        let column = field.column;
        self.columns.insert(column);
        match test {
            Test::Exists => match field.kind {
                Kind::Number => format!("isNotNull({column})"),
                Kind::Id => format!("{column} != 0"),
                Kind::Level | Kind::Time => "1".to_owned(),
                _ => format!("{column} != ''"),
            },
            // What is absent is not equal to anything, not even to nothing.
            Test::Is(text) if text.is_empty() => "0".to_owned(),
            Test::Is(text) | Test::IsNumber { text, .. } => format!("{column} = {}", self.text(text)),
            Test::Contains(text) => {
                let needle = self.text(text);
                match field.kind {
                    Kind::Json => self.contains_in_json(column, &needle),
                    _ if column == EXTRA => contains_in_extra(&needle),
                    _ => contains(column, &needle),
                }
            }
            Test::Like(form) => {
                let form = self.text(&like(form));
                match field.kind {
                    Kind::Json => {
                        let tokens = self.tokens(column, json::JSON_TOKENS);
                        format!("arrayExists(t -> t != '' AND {} ILIKE {form}, {tokens})", json::JSON_VALUE)
                    }
                    Kind::Text => format!("{column} ILIKE {form}"),
                    _ => format!("{column} LIKE {form}"),
                }
            }
            Test::Within(interval) => self.ordered(field, interval),
        }
    }

    /// A field with an order. What is absent fails every comparison, and so passes every denied one.
    fn ordered(&mut self, field: &Field, interval: &Interval) -> String {
        let column = field.column;
        let compared = self.within(column, interval);
        match field.kind {
            Kind::Number => format!("ifNull({compared}, 0)"),
            Kind::Id if includes_zero(interval) => format!("({column} != 0 AND {compared})"),
            _ => compared,
        }
    }

    fn within(&mut self, what: &str, interval: &Interval) -> String {
        if let Some(point) = interval.point() {
            return format!("{what} = {}", self.point(point));
        }
        let mut sides = Vec::new();
        match interval.from {
            Bound::Included(point) => sides.push(format!("{what} >= {}", self.point(point))),
            Bound::Excluded(point) => sides.push(format!("{what} > {}", self.point(point))),
            Bound::Unbounded => {}
        }
        match interval.to {
            Bound::Included(point) => sides.push(format!("{what} <= {}", self.point(point))),
            Bound::Excluded(point) => sides.push(format!("{what} < {}", self.point(point))),
            Bound::Unbounded => {}
        }
        match sides.as_slice() {
            [] => "1".to_owned(),
            [side] => side.clone(),
            _ => format!("({})", sides.join(" AND ")),
        }
    }

    /// A value of `attributes` at a path or below it.
    fn attribute(&mut self, keys: &[String], test: &Test) -> String {
        self.columns.insert(ATTRIBUTES);
        let last = self.text(keys.last().map_or("", String::as_str));
        let candidates = if_escaped_or(ATTRIBUTES, &format!("position({ATTRIBUTES}, {last}) > 0"));
        let tokens: Vec<String> = json::paths(keys)
            .iter()
            .map(|path| {
                let keys: Vec<String> = path.iter().map(|key| self.text(key)).collect();
                let raw = format!("JSONExtractRaw({candidates}, {})", keys.join(", "));
                self.tokens(&raw, json::JSON_TOKENS)
            })
            .collect();
        let tokens = match tokens.as_slice() {
            [tokens] => tokens.clone(),
            _ => format!("arrayConcat({})", tokens.join(", ")),
        };
        let passes = match test {
            Test::IsNumber { text, number } => {
                let (text, number) = (self.text(text), self.number(*number));
                // Two whole numbers are the same only to the last digit.
                format!(
                    "({} = {text} OR (match(concat(t, {text}), '[.eE]') AND NOT startsWith(t, char(34)) \
                     AND ifNull(toFloat64OrNull(t) = {number}, 0)))",
                    json::JSON_VALUE
                )
            }
            test => self.value_of_key(json::JSON_VALUE, test),
        };
        format!("arrayExists(t -> t != '' AND {passes}, {tokens})")
    }

    /// A value of `extra` under a key.
    fn extra(&mut self, key: &str, test: &Test) -> String {
        self.columns.insert(EXTRA);
        let (bare, begin) = (self.text(key), self.text(&format!("{key}=")));
        let candidates = format!("if(position({EXTRA}, {bare}) > 0, {EXTRA}, '')");
        let tokens = self.tokens(&candidates, json::EXTRA_TOKENS);
        let passes = self.value_of_key(&json::extra_value(key.len() + 1), test);
        format!("arrayExists(t -> (t = {bare} OR startsWith(t, {begin})) AND {passes}, {tokens})")
    }

    /// What a value under a key must be.
    fn value_of_key(&mut self, value: &str, test: &Test) -> String {
        match test {
            Test::Exists => "1".to_owned(),
            Test::Is(text) | Test::IsNumber { text, .. } => format!("{value} = {}", self.text(text)),
            Test::Contains(text) => contains(value, &self.text(text)),
            Test::Like(form) => format!("{value} LIKE {}", self.text(&like(form))),
            Test::Within(interval) => {
                let number = format!("toFloat64OrNull({value})");
                let as_float = |bound: Bound<Point>| bound.map(|point| Point::Float(point.as_f64()));
                let interval = Interval { from: as_float(interval.from), to: as_float(interval.to) };
                format!("ifNull(isFinite({number}) AND {}, 0)", self.within(&number, &interval))
            }
        }
    }

    /// Whether a value inside of JSON holds a text. One without escapes holds what its source holds, so that the others
    /// need not be cut into tokens.
    fn contains_in_json(&mut self, column: &str, needle: &str) -> String {
        let candidates = if_escaped_or(column, &contains(column, needle));
        let tokens = self.tokens(&candidates, json::JSON_TOKENS);
        format!("arrayExists(t -> t != '' AND {}, {tokens})", contains(json::JSON_VALUE, needle))
    }

    fn tokens(&mut self, text: &str, expression: &str) -> String {
        format!("extractAll({text}, {})", self.text(expression))
    }

    fn point(&mut self, point: Point) -> String {
        match point {
            Point::Whole(number) => {
                self.values.push(Value::Whole(number));
                format!("{{q{}:UInt64}}", self.values.len() - 1)
            }
            Point::Float(number) => self.number(number),
            Point::Time(ms) => {
                self.values.push(Value::Millis(ms.clamp(TIMES_MS.0, TIMES_MS.1)));
                format!("fromUnixTimestamp64Milli({{q{}:Int64}}, 'UTC')", self.values.len() - 1)
            }
        }
    }

    fn number(&mut self, number: f64) -> String {
        self.values.push(Value::Number(number));
        format!("{{q{}:Float64}}", self.values.len() - 1)
    }

    /// A placeholder for a text; the same one for the same text.
    fn text(&mut self, text: &str) -> String {
        let is_it = |value: &Value| matches!(value, Value::Text(known) if known == text);
        let number = self.values.iter().position(is_it).unwrap_or_else(|| {
            self.values.push(Value::Text(text.to_owned()));
            self.values.len() - 1
        });
        format!("{{q{number}:String}}")
    }
}

fn includes_zero(interval: &Interval) -> bool {
    match interval.from {
        Bound::Included(point) => point.as_f64() <= 0.0,
        Bound::Excluded(point) => point.as_f64() < 0.0,
        Bound::Unbounded => true,
    }
}

fn contains(text: &str, needle: &str) -> String {
    format!("positionCaseInsensitiveUTF8({text}, {needle}) > 0")
}

/// `extra` as it is written, or what its quoted values stand for.
fn contains_in_extra(needle: &str) -> String {
    let escaped = format!("if(position({EXTRA}, char(92)) > 0, {EXTRA}, '')");
    format!("({} OR {})", contains(EXTRA, needle), contains(&json::unescaped(&escaped), needle))
}

/// The text if it holds an escape or passes a test, else nothing.
fn if_escaped_or(column: &str, test: &str) -> String {
    format!("if({test} OR position({column}, char(92)) > 0, {column}, '')")
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
