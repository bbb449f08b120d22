//! The values behind `name:`.

use super::{ParseError, Parser};
use crate::search::field::Kind;
use crate::search::interval::{Comparison, beyond};
use crate::search::{Expression, Interval, Point, Subject, Test, time};
use log_center_wire::Level;
use std::ops::Bound;

/// Signs before a value, the longer ones first.
const SIGNS: [(&str, Comparison); 5] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Equal),
];

/// How a range looks, for messages.
const RANGE: &str = "a range is [10 TO 50], or {10 TO 50} without its ends; * leaves an end open";

impl Parser<'_> {
    /// One value of a field, or what it is compared with.
    pub(super) fn value(&mut self, subject: &Subject) -> Result<Expression, ParseError> {
        match subject.kind() {
            None => self.value_of_key(subject),
            Some(kind @ (Kind::Number | Kind::Id | Kind::Level | Kind::Time)) => {
                self.ordered_value(subject, kind)
            }
            Some(kind) => self.text_value(subject, kind),
        }
    }

    /// A value of a field that is text.
    fn text_value(&mut self, subject: &Subject, kind: Kind) -> Result<Expression, ParseError> {
        let at = self.at;
        let (text, is_quoted) = self.word_or_phrase(subject)?;
        let is_form = !is_quoted && text.contains('*');
        if !is_quoted {
            self.expect_no_order(subject, &text, at)?;
        }
        // No text at all is in every text, but what is absent has none.
        let is_any = if is_quoted { text.is_empty() && kind.is_contained() } else { is_any(&text) };
        if is_any {
            return Ok(subject.tested(Test::Exists));
        }
        let test = match kind {
            Kind::Choice(words) => {
                let word = text.to_lowercase();
                if !words.contains(&word.as_str()) {
                    let (last, others) = words.split_last().unwrap_or((&"", &[]));
                    let (name, others) = (subject.name(), others.join(", "));
                    return Err(
                        self.refuse(at, format!("{name} is {others} or {last}; {text} is none of these"))
                    );
                }
                Test::Is(word)
            }
            Kind::LowerWord if is_form => Test::Like(text.to_lowercase()),
            Kind::LowerWord => Test::Is(text.to_lowercase()),
            _ if is_form => Test::Like(text),
            kind if kind.is_contained() => Test::Contains(text),
            _ => Test::Is(text),
        };
        Ok(subject.tested(test))
    }

    /// A value of a field that has no order must not be compared by one.
    fn expect_no_order(&mut self, subject: &Subject, text: &str, at: usize) -> Result<(), ParseError> {
        let is_range = text.starts_with(['[', '{']) && self.is_word("TO");
        if is_range || text.starts_with(['<', '>']) {
            let name = subject.name();
            return Err(self.refuse(
                at,
                format!("{name} is no number: it has no more and no less. A value is expected, in quotes if it begins like this"),
            ));
        }
        Ok(())
    }

    /// A value of a number, a level or a time.
    fn ordered_value(&mut self, subject: &Subject, kind: Kind) -> Result<Expression, ParseError> {
        if self.rest().starts_with(['[', '{']) {
            return self.range(subject, kind);
        }
        let is_denied = self.eat("!=");
        let comparison = if is_denied { None } else { self.comparison() };
        let at = self.at;
        let (text, is_quoted) = self.word_or_phrase(subject)?;
        if text == "*" && !is_quoted && comparison.is_none() && !is_denied {
            return Ok(subject.tested(Test::Exists));
        }
        let interval = self.interval(subject, kind, &text, at)?;
        let tested = subject.tested(Test::Within(interval.compared(comparison.unwrap_or(Comparison::Equal))));
        Ok(if is_denied { Expression::Not(Box::new(tested)) } else { tested })
    }

    /// A value of a key: text and number alike.
    fn value_of_key(&mut self, subject: &Subject) -> Result<Expression, ParseError> {
        if self.rest().starts_with(['[', '{']) {
            return self.range(subject, Kind::Number);
        }
        let comparison = if self.rest().starts_with('=') { None } else { self.comparison() };
        let at = self.at;
        let (text, is_quoted) = self.word_or_phrase(subject)?;
        if let Some(comparison) = comparison {
            let interval = self.interval(subject, Kind::Number, &text, at)?;
            return Ok(subject.tested(Test::Within(interval.compared(comparison))));
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && !is_quoted);
        let test = match (number, subject) {
            _ if is_any(&text) && !is_quoted => Test::Exists,
            _ if text.contains('*') && !is_quoted => Test::Like(text),
            // In `extra` everything is text.
            (Some(number), Subject::Attribute(_)) => Test::IsNumber { text, number },
            _ => Test::Is(text),
        };
        Ok(subject.tested(test))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        SIGNS.into_iter().find_map(|(sign, comparison)| self.eat(sign).then_some(comparison))
    }

    /// The text of a value, and whether it was in quotes.
    fn word_or_phrase(&mut self, subject: &Subject) -> Result<(String, bool), ParseError> {
        if self.rest().starts_with('"') {
            return Ok((self.phrase()?, true));
        }
        let word = self.word();
        if word.is_empty() {
            let name = subject.name();
            return Err(
                self.refuse(self.at, format!("a value must follow {name}:; write {name}:* for any value"))
            );
        }
        Ok((word.to_owned(), false))
    }

    /// What a word stands for: a number for itself, `error` for the levels 50 to 59, a date for its day.
    fn interval(&self, subject: &Subject, kind: Kind, word: &str, at: usize) -> Result<Interval, ParseError> {
        let name = subject.name();
        match kind {
            Kind::Level => level(word).ok_or_else(|| {
                let rule = "is a level: fatal, error, warn, info, debug or trace, or bunyan's number";
                self.refuse(at, format!("{name} {rule}"))
            }),
            Kind::Time => time::interval(word, self.now).ok_or_else(|| {
                let rule =
                    "is a time: a date, an ISO 8601 time (2026-01-30T10:30:00Z), or an age (30m, 24h, 7d)";
                self.refuse(at, format!("{name} {rule}; {word} is none"))
            }),
            _ => number(word)
                .map(Interval::at)
                .ok_or_else(|| self.refuse(at, format!("{name} is a number, {word} is none"))),
        }
    }

    /// `[10 TO 50]`: a bracket includes its end, a brace does not, `*` leaves it open.
    fn range(&mut self, subject: &Subject, kind: Kind) -> Result<Expression, ParseError> {
        let start = self.at;
        let is_from_included = self.eat("[");
        if !is_from_included {
            self.eat("{");
        }
        let from = self.bound(subject, kind)?;
        if !self.eat_word("TO") {
            self.peek();
            return Err(self.refuse(self.at, format!("TO, in capitals, is expected: {RANGE}")));
        }
        let to = self.bound(subject, kind)?;
        let closing = self.peek();
        let is_to_included = closing == Some(']');
        if !self.eat("]") && !self.eat("}") {
            return Err(self.refuse(self.at, format!("] or }} is expected: {RANGE}")));
        }
        let Some((from, to)) = from.zip(to).or_else(|| match (from, to) {
            (None, None) => None,
            (from, to) => Some((from.unwrap_or(OPEN), to.unwrap_or(OPEN))),
        }) else {
            return Ok(subject.tested(Test::Exists));
        };
        let interval = Interval {
            from: if is_from_included { from.from } else { beyond(from.to) },
            to: if is_to_included { to.to } else { beyond(to.from) },
        };
        if interval.is_reversed() {
            return Err(self.refuse(start, format!("the smaller end is expected first: {RANGE}")));
        }
        Ok(subject.tested(Test::Within(interval)))
    }

    /// An end of a range; `None` if it is open.
    fn bound(&mut self, subject: &Subject, kind: Kind) -> Result<Option<Interval>, ParseError> {
        self.peek();
        let at = self.at;
        let word = if self.rest().starts_with('"') {
            self.phrase()?
        } else {
            self.until(&['(', ')', ']', '}']).to_owned()
        };
        match word.as_str() {
            "" => Err(self.refuse(at, format!("a value or * is expected: {RANGE}"))),
            "*" => Ok(None),
            word => self.interval(subject, kind, word, at).map(Some),
        }
    }
}

const OPEN: Interval = Interval { from: Bound::Unbounded, to: Bound::Unbounded };

/// Whether a form is that of any text.
fn is_any(form: &str) -> bool {
    !form.is_empty() && form.bytes().all(|byte| byte == b'*')
}

/// A number that is whole as such, so that it is compared to the last digit.
fn number(word: &str) -> Option<Point> {
    if let Ok(number) = word.parse::<u64>() {
        return Some(Point::Whole(number));
    }
    let number = word.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some(Point::Float(number))
}

/// A level by its name, with the numbers up to the next name, or by its number.
fn level(word: &str) -> Option<Interval> {
    let Ok(level) = word.parse::<Level>() else {
        return word.parse::<u8>().ok().map(|number| Interval::at(Point::Whole(number.into())));
    };
    let point = |level: Level| Point::Whole(level.number().into());
    let next = Level::ALL.into_iter().find(|next| *next > level);
    Some(Interval {
        from: Bound::Included(if level == Level::Trace { Point::Whole(0) } else { point(level) }),
        to: next.map_or(Bound::Included(Point::Whole(u8::MAX.into())), |next| Bound::Excluded(point(next))),
    })
}
