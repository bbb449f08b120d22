//! `extra`, in either of its forms: the event's fields, then those of the spans from the inside out, each key once.

use crate::callsite::opening;
use crate::capture::Captured;
use crate::fields::{Fields, Pair};
use crate::limits::{EXTRA_BYTES, EXTRA_FIELDS, SPAN_DEPTH};
use crate::span::SpanNode;

/// The field that counts those that found no room.
const DROPPED: &[u8] = b"fields_dropped";

/// Writes it, if there is anything to say.
#[inline]
pub(super) fn write(line: &mut Vec<u8>, captured: &mut Captured, span: Option<&SpanNode>, in_object: bool) {
    if captured.dropped > 0 || !write_disjoint(line, &captured.fields, span, in_object) {
        write_each(line, captured, span, in_object);
    }
}

/// The way of nearly all: no key comes twice and everything finds room, so whole texts are put side by side. Otherwise
/// nothing is written.
#[inline]
fn write_disjoint(line: &mut Vec<u8>, event: &Fields, span: Option<&SpanNode>, in_object: bool) -> bool {
    let before = line.len();
    line.extend_from_slice(b",\"extra\":");
    let start = line.len();
    line.extend_from_slice(event.extra());
    let (mut marks, mut count) = (event.marks(), event.pairs().len());
    let mut node = span;
    let mut depth = 0;
    while let Some(here) = node {
        if let Some(fields) = here.fields().get() {
            if marks & fields.marks() != 0 || line.len() - start > EXTRA_BYTES {
                line.truncate(before);
                return false;
            }
            line.extend_from_slice(fields.extra());
            marks |= fields.marks();
            count += fields.pairs().len();
        }
        depth += 1;
        node = here.parent().filter(|_| depth < SPAN_DEPTH);
    }
    let fits = count <= EXTRA_FIELDS && line.len() - start <= EXTRA_BYTES;
    if count == 0 || !fits {
        line.truncate(before);
        return fits;
    }
    // What separates pairs stands before the first one, too.
    let (open, close) = if in_object { (b'{', b'}') } else { (b'"', b'"') };
    if let Some(separator) = line.get_mut(start) {
        *separator = open;
    }
    line.push(close);
    true
}

/// Pair by pair where it must be.
#[cold]
fn write_each(line: &mut Vec<u8>, captured: &mut Captured, span: Option<&SpanNode>, in_object: bool) {
    let Captured { fields, keys_in_line, dropped, .. } = captured;
    let mut extra = Extra {
        line,
        in_object,
        event: fields,
        span,
        sources: 0,
        marks: 0,
        count: 0,
        keys: keys_in_line,
        collected: 0,
        start: None,
        dropped: *dropped,
    };
    extra.push_all(fields);
    let mut node = span;
    while let Some(here) = node {
        extra.sources += 1;
        if let Some(fields) = here.fields().get() {
            extra.push_all(fields);
        }
        node = here.parent().filter(|_| extra.sources < SPAN_DEPTH);
    }
    extra.finish();
}

struct Extra<'a> {
    line: &'a mut Vec<u8>,
    in_object: bool,
    /// Where the pairs come from: the event, then this span and those around it.
    event: &'a Fields,
    span: Option<&'a SpanNode>,
    /// So many of them are done.
    sources: usize,
    /// The marks of the keys written.
    marks: u64,
    /// Pairs written.
    count: usize,
    /// The keys written, once it matters, and of how many sources they are.
    keys: &'a mut Vec<u32>,
    collected: usize,
    start: Option<usize>,
    dropped: usize,
}

impl Extra<'_> {
    fn has_room(&self, bytes: usize, pairs: usize) -> bool {
        let used = self.start.map_or(0, |start| self.line.len() - start);
        self.count + pairs <= EXTRA_FIELDS && used + bytes <= EXTRA_BYTES
    }

    #[inline]
    fn push_all(&mut self, fields: &Fields) {
        let (text, pairs) = (fields.extra(), fields.pairs());
        if pairs.is_empty() {
            return;
        }
        if self.marks & fields.marks() == 0 && self.has_room(text.len(), pairs.len()) {
            self.append(text);
            self.count += pairs.len();
        } else {
            self.push_each(text, pairs);
        }
        self.marks |= fields.marks();
    }

    #[cold]
    fn push_each(&mut self, text: &[u8], pairs: &[Pair]) {
        self.collect_keys();
        for pair in pairs {
            if self.keys.contains(&pair.key) {
                continue;
            }
            let whole = pair.whole.of(text);
            // Also of what finds no room: a span outside must not speak for it.
            self.keys.push(pair.key);
            if self.has_room(whole.len(), 1) {
                self.append(whole);
                self.count += 1;
            } else {
                self.dropped += 1;
            }
        }
    }

    /// The keys of all that came before.
    fn collect_keys(&mut self) {
        if self.collected == 0 && self.sources > 0 {
            self.keys.extend(self.event.pairs().iter().map(|pair| pair.key));
        }
        let spans = self.span.into_iter().flat_map(SpanNode::outwards).take(self.sources.saturating_sub(1));
        for node in spans.skip(self.collected.saturating_sub(1)) {
            if let Some(fields) = node.fields().get() {
                self.keys.extend(fields.pairs().iter().map(|pair| pair.key));
            }
        }
        // The one that is being written adds its own.
        self.collected = self.sources + 1;
    }

    /// Pairs, each with a space before it.
    #[inline]
    fn append(&mut self, pairs: &[u8]) {
        if self.start.is_some() {
            self.line.extend_from_slice(pairs);
        } else {
            self.line.extend_from_slice(if self.in_object { b",\"extra\":{" } else { b",\"extra\":\"" });
            self.start = Some(self.line.len());
            self.line.extend_from_slice(&pairs[1..]);
        }
    }

    fn finish(mut self) {
        if self.dropped > 0 {
            self.write_dropped();
        }
        if self.start.is_some() {
            self.line.push(if self.in_object { b'}' } else { b'"' });
        }
    }

    #[cold]
    fn write_dropped(&mut self) {
        // A program's own field of that name is what it says.
        let opening = opening(DROPPED, self.in_object);
        let text = self.start.map_or(&b""[..], |start| &self.line[start..]);
        let is_there =
            text.starts_with(&opening[1..]) || text.windows(opening.len()).any(|text| text == opening);
        if !is_there {
            self.append(&[&opening, itoa::Buffer::new().format(self.dropped).as_bytes()].concat());
        }
    }
}
