//! Records that say the same, as one line.

use crate::record::Record;
use crate::style::DIM;
use std::collections::HashMap;

/// Lines of records that differ only in their data, of which so many are shown; the rest is counted.
const ALIKE: usize = 3;

/// Kinds of records below one hop. What is beyond is counted.
const KINDS: usize = 50;

/// Records that are written by one place of a program: the message is a constant text.
#[derive(Default)]
struct Kind {
    lines: Vec<Line>,
    by_text: HashMap<String, usize>,
    others: usize,
}

/// A text, and how often it came.
struct Line {
    text: String,
    count: usize,
}

/// What a program wrote at one place has all of these in common.
type Constant<'a> = (u64, &'a str, &'a str, &'a str, Option<&'a str>);

/// The records as lines, in the order in which the first of each kind was written.
pub(super) fn by_kind<'a>(records: &[&'a Record], text: impl Fn(&Record) -> String) -> Vec<String> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut by_constant: HashMap<Constant<'a>, usize> = HashMap::new();
    let mut of_other_kinds = 0;
    for record in records {
        let error = record.err.as_ref().map(|failure| &*failure.r#type);
        let constant = (record.level, &*record.name, &*record.event, &*record.msg, error);
        let next = kinds.len();
        if next == KINDS && !by_constant.contains_key(&constant) {
            of_other_kinds += 1;
            continue;
        }
        let index = *by_constant.entry(constant).or_insert(next);
        if index == next {
            kinds.push(Kind::default());
        }
        kinds[index].add(text(record));
    }
    let mut lines: Vec<String> = kinds.iter().flat_map(Kind::lines).collect();
    if of_other_kinds > 0 {
        lines.push(format!("{DIM}… {of_other_kinds} more records; --events lists all{DIM:#}"));
    }
    lines
}

/// The records in their order; equal ones in a row are one line.
pub(super) fn in_a_row(records: &[Record], text: impl Fn(&Record) -> String) -> Vec<(&Record, String)> {
    let mut lines: Vec<(&Record, Line)> = Vec::new();
    for record in records {
        let text = text(record);
        match lines.last_mut() {
            Some((_, last)) if last.text == text => last.count += 1,
            _ => lines.push((record, Line { text, count: 1 })),
        }
    }
    lines.into_iter().map(|(first, line)| (first, line.shown())).collect()
}

impl Kind {
    fn add(&mut self, text: String) {
        if let Some(index) = self.by_text.get(&text) {
            self.lines[*index].count += 1;
        } else if self.lines.len() < ALIKE {
            self.by_text.insert(text.clone(), self.lines.len());
            self.lines.push(Line { text, count: 1 });
        } else {
            self.others += 1;
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let others = (self.others > 0).then(|| {
            format!("{DIM}… {} more of these with other data; --events lists all{DIM:#}", self.others)
        });
        self.lines.iter().map(Line::shown).chain(others)
    }
}

impl Line {
    fn shown(&self) -> String {
        match self.count {
            1 => self.text.clone(),
            count => format!("{} {DIM}× {count}{DIM:#}", self.text),
        }
    }
}
