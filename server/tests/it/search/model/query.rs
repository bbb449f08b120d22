//! Searches as trees: made at random, printed, and evaluated event by event.

use super::event::{Event, KEYS, MESSAGES, STRANGE};
use log_center_wire::UnixMillis;
use serde_json::Value;

pub enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
    Text(String),
    /// A field, whether it is denied by `!=`, and its values.
    Of(Subject, bool, Values),
}

/// What stands behind the name of a field.
pub enum Values {
    One(Check),
    All(Vec<Values>),
    Any(Vec<Values>),
    Not(Box<Values>),
}

pub enum Check {
    Exists,
    /// This value; for free text, this text in it. Whether it is printed in quotes.
    Is(String, bool),
    Like(String),
    Compare(&'static str, Point),
    /// From and to, each with whether it is included; `None` is open.
    Range(Option<(Point, bool)>, Option<(Point, bool)>),
}

#[derive(Clone, Copy)]
pub enum Point {
    Number(f64),
    Level(&'static str),
    Instant(i64),
    /// The day that begins then.
    Date(i64),
}

pub enum Subject {
    Word(&'static str),
    Text(&'static str),
    Number(&'static str),
    Level,
    Time,
    Attribute(&'static str),
    Extra(&'static str),
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const LEVELS: [(&str, f64, f64); 6] = [
    ("trace", 0.0, 19.0),
    ("debug", 20.0, 29.0),
    ("info", 30.0, 39.0),
    ("warn", 40.0, 49.0),
    ("error", 50.0, 59.0),
    ("fatal", 60.0, 255.0),
];

impl Query {
    pub fn finds(&self, event: &Event) -> bool {
        match self {
            Query::All(parts) => parts.iter().all(|part| part.finds(event)),
            Query::Any(parts) => parts.iter().any(|part| part.finds(event)),
            Query::Not(inner) => !inner.finds(event),
            Query::Text(text) => {
                let fields = ["msg", "extra", "err.msg", "err.type", "url"];
                let texts = fields.iter().filter_map(|field| event.texts.get(field).map(String::as_str));
                let pairs = event.extra.iter().map(|(_, value)| value.as_str());
                texts.chain(pairs).any(|value| contains(value, text))
                    || leaves(&event.attributes).iter().any(|leaf| contains(&text_of(leaf), text))
            }
            Query::Of(subject, is_denied, values) => values.fit(subject, event) != *is_denied,
        }
    }
}

impl Values {
    fn fit(&self, subject: &Subject, event: &Event) -> bool {
        match self {
            Values::One(check) => check.fits(subject, event),
            Values::All(parts) => parts.iter().all(|part| part.fit(subject, event)),
            Values::Any(parts) => parts.iter().any(|part| part.fit(subject, event)),
            Values::Not(inner) => !inner.fit(subject, event),
        }
    }
}

impl Check {
    fn fits(&self, subject: &Subject, event: &Event) -> bool {
        match subject {
            Subject::Word(field) => event.texts.get(field).is_some_and(|value| self.fits_text(value, false)),
            Subject::Text("extra") => {
                let values = event.extra.iter().map(|(_, value)| value);
                let is_value = |check: &Check| matches!(check, Check::Is(..));
                event.texts.get("extra").is_some_and(|value| self.fits_text(value, true))
                    || (is_value(self) && values.into_iter().any(|value| self.fits_text(value, true)))
            }
            Subject::Text("attributes") => {
                leaves(&event.attributes).iter().any(|leaf| self.fits_text(&text_of(leaf), true))
            }
            Subject::Text(field) => event.texts.get(field).is_some_and(|value| self.fits_text(value, true)),
            Subject::Number(field) => event.numbers.get(field).is_some_and(|value| self.fits_number(*value)),
            Subject::Level => self.fits_number(event.level.into()),
            Subject::Time => self.fits_number(event.time as f64),
            Subject::Attribute(path) => {
                let keys: Vec<&str> = path.split('.').collect();
                let leaves: Vec<&Value> = at(&event.attributes, &keys).into_iter().flat_map(leaves).collect();
                leaves.into_iter().any(|leaf| self.fits_leaf(leaf))
            }
            Subject::Extra(key) => {
                let mut values = event.extra.iter().filter(|pair| pair.0 == *key).map(|pair| &pair.1);
                values.any(|value| self.fits_key_text(value))
            }
        }
    }

    /// A text that is there.
    fn fits_text(&self, value: &str, is_free: bool) -> bool {
        match self {
            Check::Exists => true,
            Check::Is(text, _) if is_free => contains(value, text),
            Check::Is(text, _) => value == text,
            Check::Like(form) if is_free => is_like(&value.to_lowercase(), &form.to_lowercase()),
            Check::Like(form) => is_like(value, form),
            Check::Compare(..) | Check::Range(..) => unreachable!("text has no order"),
        }
    }

    /// A number that is there.
    fn fits_number(&self, value: f64) -> bool {
        match self {
            Check::Exists => true,
            Check::Compare(sign, point) => {
                let (low, high) = point.span();
                match *sign {
                    ">" => value > high,
                    ">=" => value >= low,
                    "<" => value < low,
                    "<=" => value <= high,
                    _ => (low..=high).contains(&value),
                }
            }
            Check::Range(from, to) => {
                let is_above = from.is_none_or(|(point, is_included)| {
                    let (low, high) = point.span();
                    if is_included { value >= low } else { value > high }
                });
                let is_below = to.is_none_or(|(point, is_included)| {
                    let (low, high) = point.span();
                    if is_included { value <= high } else { value < low }
                });
                is_above && is_below
            }
            Check::Is(..) | Check::Like(_) => unreachable!("a number has no form"),
        }
    }

    /// A text under a key, which may be a number.
    fn fits_key_text(&self, value: &str) -> bool {
        match self {
            Check::Compare(..) | Check::Range(..) => {
                value.parse::<f64>().is_ok_and(|number| number.is_finite() && self.fits_number(number))
            }
            _ => self.fits_text(value, false),
        }
    }

    fn fits_leaf(&self, leaf: &Value) -> bool {
        match (self, leaf) {
            (Check::Is(text, false), Value::Number(number)) if text.parse::<f64>().is_ok() => {
                let is_whole = |text: &str| !text.contains(['.', 'e', 'E']);
                let value = number.to_string();
                match is_whole(text) && is_whole(&value) {
                    true => value == *text,
                    false => number.as_f64() == text.parse().ok(),
                }
            }
            (Check::Compare(..) | Check::Range(..), Value::Bool(_)) => false,
            _ => self.fits_key_text(&text_of(leaf)),
        }
    }
}

impl Point {
    /// The least and the greatest of what it stands for.
    fn span(self) -> (f64, f64) {
        match self {
            Point::Number(number) => (number, number),
            Point::Level(name) => {
                let level = LEVELS.iter().find(|level| level.0 == name).unwrap();
                (level.1, level.2)
            }
            Point::Instant(ms) => (ms as f64, ms as f64),
            Point::Date(ms) => (ms as f64, (ms + DAY_MS - 1) as f64),
        }
    }

    fn print(self) -> String {
        match self {
            Point::Number(number) => number.to_string(),
            Point::Level(name) => name.to_owned(),
            Point::Instant(ms) => UnixMillis(ms).to_string(),
            Point::Date(ms) => UnixMillis(ms).to_string()[..10].to_owned(),
        }
    }
}

fn contains(value: &str, text: &str) -> bool {
    value.to_lowercase().contains(&text.to_lowercase())
}

/// Whether a text has a form with `*` for any text.
fn is_like(value: &str, form: &str) -> bool {
    match form.split_once('*') {
        None => value == form,
        Some((begin, rest)) => value.strip_prefix(begin).is_some_and(|value| {
            let ends = value.char_indices().map(|(at, _)| at).chain([value.len()]);
            ends.into_iter().any(|at| is_like(&value[at..], rest))
        }),
    }
}

/// What has no members: but for nothing.
fn leaves(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

fn text_of(leaf: &Value) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
}

/// What is at a path whose keys may be one.
fn at<'a>(value: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    if keys.is_empty() {
        return vec![value];
    }
    let below = |count: usize| value.get(keys[..count].join(".")).map(|value| at(value, &keys[count..]));
    (1..=keys.len()).filter_map(below).flatten().collect()
}

/// Makes searches.
pub struct Asker {
    random: fastrand::Rng,
    since: i64,
    until: i64,
}

impl Asker {
    pub fn new(seed: u64, since: i64, until: i64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed ^ 0x5eac4), since, until }
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.usize(..of.len())]
    }

    fn is(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    /// A time in which there are events, at the edges of buckets as often as not.
    pub fn window(&mut self) -> (i64, i64) {
        let mut time = || {
            let time = self.random.i64(self.since..self.until);
            let unit = [1, 300_000, 900_000, 3_600_000][self.random.usize(..4)];
            time / unit * unit
        };
        let (a, b) = (time(), time());
        if self.is(60) { (self.since - 1, self.until + 1) } else { (a.min(b), a.max(b)) }
    }

    pub fn query(&mut self, events: &[Event]) -> Query {
        self.tree(events, 0)
    }

    fn tree(&mut self, events: &[Event], depth: u8) -> Query {
        let kind = if depth > 2 { 9 } else { self.random.u8(..10) };
        let count = self.random.usize(2..=3);
        match kind {
            0 | 1 => Query::All((0..count).map(|_| self.tree(events, depth + 1)).collect()),
            2 | 3 => Query::Any((0..count).map(|_| self.tree(events, depth + 1)).collect()),
            4 => Query::Not(Box::new(self.tree(events, depth + 1))),
            5 => Query::Text(self.needle()),
            _ => {
                let subject = self.subject();
                let values = self.values(&subject, events, 0);
                Query::Of(subject, self.is(15), values)
            }
        }
    }

    /// A text, or a piece of one, or what only JSON has.
    fn needle(&mut self) -> String {
        let junk = [
            "u00fc",
            "\\n",
            "deep",
            "\":",
            "order",
            "{",
            "\\\"",
            "c3bc",
            "client-res",
            "status=200",
            "false",
        ];
        let text = match self.random.u8(..10) {
            0 | 1 => self.pick(&junk),
            2 | 3 => self.pick(&MESSAGES),
            _ => self.pick(&STRANGE),
        };
        let characters: Vec<char> = text.chars().collect();
        let start = self.random.usize(..characters.len());
        let end = self.random.usize(start + 1..=characters.len());
        let piece = if self.is(50) { text.to_owned() } else { characters[start..end].iter().collect() };
        if self.is(20) { piece.to_uppercase() } else { piece }
    }

    fn subject(&mut self) -> Subject {
        let words =
            ["service", "environment", "version", "hostname", "scope", "event", "state", "source", "uid"];
        let more = ["req_id", "method", "route", "err.type", "err.file_path", "ip"];
        let numbers =
            ["pid", "status", "tm", "err.line_number", "service_res.http_code", "service_res.tm", "perf.rss"];
        match self.random.u8(..14) {
            0..3 => Subject::Word(self.pick(&words)),
            3 => Subject::Word(self.pick(&more)),
            4 => Subject::Text(self.pick(&["msg", "extra", "url", "err.msg", "ua", "attributes"])),
            5..8 => Subject::Number(self.pick(&numbers)),
            8 => Subject::Level,
            9 => Subject::Time,
            10 => Subject::Extra(self.pick(&["code", "note", "status", "nobody"])),
            _ => Subject::Attribute(self.pick(&KEYS)),
        }
    }

    fn values(&mut self, subject: &Subject, events: &[Event], depth: u8) -> Values {
        if depth > 1 || self.is(75) {
            return Values::One(self.check(subject, events));
        }
        let count = self.random.usize(2..=3);
        match self.random.u8(..3) {
            0 => Values::All((0..count).map(|_| self.values(subject, events, depth + 1)).collect()),
            1 => Values::Not(Box::new(self.values(subject, events, depth + 1))),
            _ => Values::Any((0..count).map(|_| self.values(subject, events, depth + 1)).collect()),
        }
    }

    fn check(&mut self, subject: &Subject, events: &[Event]) -> Check {
        if self.is(10) {
            return Check::Exists;
        }
        let example = &events[self.random.usize(..events.len())];
        match subject {
            Subject::Word(field) => {
                let value = example.texts.get(field).cloned().unwrap_or_else(|| "nobody".to_owned());
                // The words of a choice take no form.
                self.text(value, *field != "state", |text| text != "nobody" || *field != "state")
            }
            Subject::Text("attributes") => {
                let needle = self.needle();
                self.text(needle, true, |_| true)
            }
            Subject::Text(field) => {
                let value = example.texts.get(field).cloned().unwrap_or_else(|| self.needle());
                self.text(value, true, |_| true)
            }
            Subject::Attribute(_) | Subject::Extra(_) if self.is(40) => self.ordered(|asker| {
                Point::Number(asker.pick(&[-1.5, 0.0, 0.5, 7.0, 12.25, 20.0, 100.0, 250.0]))
            }),
            Subject::Attribute(path) => {
                let keys: Vec<&str> = path.split('.').collect();
                let all: Vec<&Value> = at(&example.attributes, &keys).into_iter().flat_map(leaves).collect();
                match all.first() {
                    Some(Value::String(text)) => self.text(text.clone(), true, |_| true),
                    Some(leaf) if !leaf.to_string().starts_with('-') => Check::Is(leaf.to_string(), false),
                    _ => Check::Is(self.pick(&STRANGE).to_owned(), true),
                }
            }
            Subject::Extra(key) => {
                let value = example.extra.iter().find(|pair| pair.0 == *key).map(|pair| pair.1.clone());
                self.text(value.unwrap_or_else(|| "7".to_owned()), true, |_| true)
            }
            Subject::Number(field) => {
                let number = example.numbers.get(field).copied().unwrap_or(5.0);
                self.ordered(|asker| Point::Number(number + asker.pick(&[0.0, 0.0, 0.5, 10.0])))
            }
            Subject::Level => self.ordered(|asker| match asker.is(70) {
                true => Point::Level(asker.pick(&LEVELS).0),
                false => Point::Number(asker.pick(&[5.0, 10.0, 35.0, 40.0, 50.0, 55.0, 60.0])),
            }),
            Subject::Time => {
                let time = example.time;
                self.ordered(|asker| match asker.is(70) {
                    true => Point::Instant(time + asker.pick(&[-DAY_MS / 2, -1, 0, 1, DAY_MS / 2])),
                    false => Point::Date(time / DAY_MS * DAY_MS),
                })
            }
        }
    }

    /// A value, or a form of it.
    fn text(&mut self, value: String, has_forms: bool, is_known: impl Fn(&str) -> bool) -> Check {
        if !is_known(&value) {
            return Check::Exists;
        }
        let is_plain =
            !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "()\"*".contains(c));
        if !has_forms || !is_plain || self.is(70) {
            let is_quoted = value.is_empty() || self.is(30);
            return Check::Is(value, is_quoted);
        }
        let characters: Vec<char> = value.chars().collect();
        let middle = self.random.usize(..=characters.len());
        let of = |range: &[char]| range.iter().collect::<String>();
        let form = match self.random.u8(..3) {
            0 => format!("{}*", of(&characters[..middle])),
            1 => format!("*{}", of(&characters[middle..])),
            _ => format!("{}*{}", of(&characters[..middle / 2]), of(&characters[middle..])),
        };
        if form == "*" || form.starts_with(['[', '{', '<', '>', '=', '-']) {
            Check::Exists
        } else {
            Check::Like(form)
        }
    }

    fn ordered(&mut self, point: impl Fn(&mut Self) -> Point) -> Check {
        if self.is(60) {
            return Check::Compare(self.pick(&["", "", "=", ">", ">=", "<", "<="]), point(self));
        }
        let (mut a, mut b) = (point(self), point(self));
        if a.span().0 > b.span().0 {
            std::mem::swap(&mut a, &mut b);
        }
        let (is_a, is_b) = (self.is(50), self.is(50));
        // A point that stands for many must not be cut by one that lies in it.
        let is_clear = a.span().1 < b.span().0 || a.span() == b.span() && is_a && is_b;
        let from = (!self.is(20)).then_some((a, is_a));
        let to = (!self.is(20) && (is_clear || from.is_none())).then_some((b, is_b));
        Check::Range(from, to)
    }

    pub fn print(&mut self, query: &Query, out: &mut String) {
        match query {
            Query::All(parts) => {
                let joint = self.pick(&[" ", " AND ", "  "]);
                self.join(parts, joint, out);
            }
            Query::Any(parts) => self.join(parts, " OR ", out),
            Query::Not(inner) => {
                out.push_str(self.pick(&["-", "NOT "]));
                self.print(inner, out);
            }
            Query::Text(text) => {
                let is_name = text.contains([':', '!']) || text.starts_with('-');
                let bare = !is_name && is_bare(text);
                if bare && self.is(70) { out.push_str(text) } else { self.print_quoted(text, out) }
            }
            Query::Of(subject, is_denied, values) => {
                self.print_name(subject, out);
                out.push_str(if *is_denied { "!=" } else { ":" });
                let is_group = !matches!(values, Values::One(_)) || self.is(10);
                if is_group {
                    out.push('(');
                }
                self.print_values(subject, values, is_group, out);
                if is_group {
                    out.push(')');
                }
            }
        }
    }

    fn join(&mut self, parts: &[Query], joint: &str, out: &mut String) {
        out.push('(');
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                out.push_str(joint);
            }
            self.print(part, out);
        }
        out.push(')');
    }

    fn print_name(&mut self, subject: &Subject, out: &mut String) {
        match subject {
            Subject::Word("service") => out.push_str(self.pick(&["service", "project", "name", "SERVICE"])),
            Subject::Word("uid") => out.push_str(self.pick(&["uid", "user", "user_id"])),
            Subject::Word(name) | Subject::Text(name) | Subject::Number(name) => out.push_str(name),
            Subject::Level => out.push_str(self.pick(&["level", "Level"])),
            Subject::Time => out.push_str("time"),
            Subject::Extra(key) => {
                out.push_str("extra.");
                out.push_str(key);
            }
            Subject::Attribute(path) => {
                out.push_str(self.pick(&["attributes", "context"]));
                for key in path.split('.') {
                    out.push('.');
                    match key.contains(' ') || self.is(20) {
                        true => self.print_quoted(key, out),
                        false => out.push_str(key),
                    }
                }
            }
        }
    }

    fn print_values(&mut self, subject: &Subject, values: &Values, is_group: bool, out: &mut String) {
        let (parts, joint) = match values {
            Values::One(check) => return self.print_check(subject, check, is_group, out),
            Values::Not(inner) => {
                out.push_str(self.pick(&["-", "NOT "]));
                let is_nested = !matches!(**inner, Values::One(_));
                if is_nested {
                    out.push('(');
                }
                self.print_values(subject, inner, true, out);
                if is_nested {
                    out.push(')');
                }
                return;
            }
            Values::All(parts) => (parts, self.pick(&[" ", " AND "])),
            Values::Any(parts) => (parts, " OR "),
        };
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                out.push_str(joint);
            }
            let is_nested = matches!(part, Values::All(_) | Values::Any(_));
            if is_nested {
                out.push('(');
            }
            self.print_values(subject, part, true, out);
            if is_nested {
                out.push(')');
            }
        }
    }

    fn print_check(&mut self, subject: &Subject, check: &Check, is_group: bool, out: &mut String) {
        match check {
            Check::Exists => out.push('*'),
            Check::Like(form) => out.push_str(form),
            Check::Is(text, is_quoted) => {
                // A sign or a bracket would be one of the language.
                let is_sign =
                    text.starts_with(['[', '{', '<', '>', '=', '!']) || is_group && text.starts_with('-');
                let is_bare = is_bare(text) && !text.contains('*') && !is_sign;
                if is_bare && !is_quoted { out.push_str(text) } else { self.print_quoted(text, out) }
            }
            Check::Compare(sign, point) => {
                // A key is compared with a text unless a sign says otherwise.
                let is_key = matches!(subject, Subject::Attribute(_) | Subject::Extra(_));
                if is_key && matches!(*sign, "" | "=") {
                    let point = point.print();
                    out.push_str(&format!("[{point} TO {point}]"));
                    return;
                }
                out.push_str(sign);
                let point = point.print();
                let is_denied = is_group && sign.is_empty() && point.starts_with('-');
                if is_denied || self.is(10) { self.print_quoted(&point, out) } else { out.push_str(&point) }
            }
            Check::Range(from, to) => {
                let print = |end: &Option<(Point, bool)>| end.map_or("*".to_owned(), |end| end.0.print());
                let is_included = |end: &Option<(Point, bool)>| end.is_none_or(|end| end.1);
                out.push(if is_included(from) { '[' } else { '{' });
                out.push_str(&format!("{} TO {}", print(from), print(to)));
                out.push(if is_included(to) { ']' } else { '}' });
            }
        }
    }

    fn print_quoted(&mut self, text: &str, out: &mut String) {
        out.push('"');
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek();
            // A backslash that escapes nothing means itself.
            let needs_none = character == '\\' && next.is_some_and(|next| !matches!(next, '"' | '\\'));
            if matches!(character, '"' | '\\') && !(needs_none && self.is(50)) {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
}

/// Whether a text means itself without quotes.
fn is_bare(text: &str) -> bool {
    let words = ["OR", "AND", "NOT", "or", "and", "not"];
    !text.is_empty()
        && !words.contains(&text)
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
}
