//! From bytes to batches of whole lines.
//!
//! A batch is cut by size, by number, and where an earlier run has cut (see [`state`](super::state)): with the same
//! beginning the same bytes make the same batches, so that one that was sent twice has the same key twice.
//! Lines that cannot be a record are told apart here; whether the others are is the server's to say.

use super::limits::{BATCH_BYTES, BATCH_RECORDS, LINE_BYTES};
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_128;

/// Some lines of one input.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Where it begins and ends in the plain bytes of the input, and the number of the last line in it.
    pub(super) place: Place,
    /// The lines that go to the server, each with its line feed.
    pub(super) body: Vec<u8>,
    /// The number of each of them in its file, from 1.
    pub(super) numbers: Vec<u64>,
    /// Those that do not even go there.
    pub(super) refused: Vec<Refused>,
    /// Bytes of these.
    refused_bytes: usize,
    /// How much of the input had been read, as it lies on disk, when this was cut.
    pub(super) read: u64,
}

/// From where to where.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) last_line: u64,
}

impl Place {
    /// There is only a line without its end, which is not done.
    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A line that is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) line: u64,
    pub(super) reason: String,
    /// The line; not kept if it is too long.
    pub(super) text: Vec<u8>,
}

impl Batch {
    /// By which the server knows this batch again: what is in it, and where in its input that stood.
    pub(super) fn key(&self) -> String {
        format!("import-{:032x}-{:x}", xxh3_128(&self.body), self.place.start)
    }

    /// The line at a place of the body.
    pub(super) fn line(&self, index: usize) -> &[u8] {
        self.body.split(|byte| *byte == b'\n').nth(index).unwrap_or_default()
    }

    /// Two with about the same number of records each.
    pub(super) fn halves(&self) -> [Batch; 2] {
        let middle = self.numbers.len() / 2;
        let bytes: usize =
            self.body.split_inclusive(|byte| *byte == b'\n').take(middle).map(<[u8]>::len).sum();
        let (first, second) = self.body.split_at(bytes);
        let (first_numbers, second_numbers) = self.numbers.split_at(middle);
        // The key of each half needs a place of its own; nothing else looks at the places of halves.
        let behind = Place { start: self.place.start + bytes as u64, ..self.place };
        let half = |place, body: &[u8], numbers: &[u64]| Batch {
            place,
            body: body.to_vec(),
            numbers: numbers.to_vec(),
            ..Batch::default()
        };
        [half(self.place, first, first_numbers), half(behind, second, second_numbers)]
    }
}

/// Cuts an input into batches.
#[derive(Debug)]
pub(super) struct Cutter {
    batch: Batch,
    /// The beginning of a line whose end has not come yet.
    open: Vec<u8>,
    /// That line is longer than it may be; this is its length so far.
    too_long: Option<u64>,
    /// Where an earlier run cut, if that is still to come.
    cuts: VecDeque<u64>,
    ready: Vec<Batch>,
}

impl Cutter {
    /// Begins behind this line, at this offset.
    pub(super) fn new(offset: u64, line: u64, cuts: impl IntoIterator<Item = u64>) -> Self {
        let place = Place { start: offset, end: offset, last_line: line };
        Self {
            batch: Batch { place, ..Batch::default() },
            open: Vec::new(),
            too_long: None,
            cuts: cuts.into_iter().collect(),
            ready: Vec::new(),
        }
    }

    /// The next bytes of the input. Gives the batches that are full.
    pub(super) fn push(&mut self, mut chunk: &[u8]) -> Vec<Batch> {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(end);
            chunk = &rest[1..];
            if let Some(length) = self.too_long.take() {
                self.refuse_too_long(length + line.len() as u64 + 1);
            } else if self.open.is_empty() {
                self.line(line, line.len() as u64 + 1);
            } else {
                let mut whole = std::mem::take(&mut self.open);
                whole.extend_from_slice(line);
                self.line(&whole, whole.len() as u64 + 1);
                whole.clear();
                self.open = whole;
            }
        }
        self.keep(chunk);
        std::mem::take(&mut self.ready)
    }

    fn keep(&mut self, rest: &[u8]) {
        if let Some(length) = &mut self.too_long {
            *length += rest.len() as u64;
        } else if self.open.len() + rest.len() > LINE_BYTES {
            self.too_long = Some((self.open.len() + rest.len()) as u64);
            self.open = Vec::new();
        } else {
            self.open.extend_from_slice(rest);
        }
    }

    /// There is something that could be sent.
    pub(super) fn has_lines(&self) -> bool {
        self.batch.place.end > self.batch.place.start
    }

    /// What is there, as a batch. A line without its end stays.
    pub(super) fn cut(&mut self) -> Batch {
        let place = self.batch.place;
        // About as large as the last one: growing step by step would leave as much memory behind again.
        let body = Vec::with_capacity(self.batch.body.len());
        let next = Batch { place: Place { start: place.end, ..place }, body, ..Batch::default() };
        std::mem::replace(&mut self.batch, next)
    }

    /// The input has ended. A last line without a line feed counts if it is a whole record; otherwise it is refused, but
    /// stays in front of the place up to which the input is done: it may be continued.
    pub(super) fn finish(mut self) -> Vec<Batch> {
        let open = std::mem::take(&mut self.open);
        let before = self.batch.place;
        if let Some(length) = self.too_long.take() {
            self.refuse_too_long(length);
        } else if serde_json::from_slice::<serde::de::IgnoredAny>(&open).is_ok() {
            self.line(&open, open.len() as u64);
        } else if !open.trim_ascii().is_empty() {
            let reason = "it is not JSON to its end, and the input ends here".to_owned();
            self.refuse(Refused { line: before.last_line + 1, reason, text: open });
        }
        if self.has_lines() || !self.batch.refused.is_empty() {
            let last = self.cut();
            self.ready.push(last);
        }
        self.ready
    }

    fn refuse_too_long(&mut self, length: u64) {
        let line = self.batch.place.last_line + 1;
        let reason = format!("it is {length} bytes long; a line may have {LINE_BYTES}");
        self.make_room(0);
        self.refuse(Refused { line, reason, text: Vec::new() });
        self.advance(length);
    }

    /// A whole line, which took so many bytes of the input.
    fn line(&mut self, text: &[u8], taken: u64) {
        let number = self.batch.place.last_line + 1;
        // Some editors begin a file with it.
        let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        let text = text.trim_ascii();
        self.make_room(text.len() + 1);
        if text.len() > LINE_BYTES {
            let reason = format!("it is {} bytes long; a line may have {LINE_BYTES}", text.len());
            self.refuse(Refused { line: number, reason, text: Vec::new() });
        } else if text.first() == Some(&b'{') {
            self.batch.body.extend_from_slice(text);
            self.batch.body.push(b'\n');
            self.batch.numbers.push(number);
        } else if !text.is_empty() {
            let reason = "it is not a JSON object".to_owned();
            self.refuse(Refused { line: number, reason, text: text.to_vec() });
        }
        self.advance(taken);
    }

    fn refuse(&mut self, refused: Refused) {
        self.batch.refused_bytes += refused.text.len();
        self.batch.refused.push(refused);
    }

    /// Cuts if the next line does not fit.
    fn make_room(&mut self, bytes: usize) {
        let lines = self.batch.numbers.len() + self.batch.refused.len();
        let held = self.batch.body.len() + self.batch.refused_bytes;
        if lines >= BATCH_RECORDS || (lines > 0 && held + bytes > BATCH_BYTES) {
            let full = self.cut();
            self.ready.push(full);
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.batch.place.end += bytes;
        self.batch.place.last_line += 1;
        if self.cuts.front().is_some_and(|cut| *cut <= self.batch.place.end) {
            self.cuts.pop_front();
            let full = self.cut();
            self.ready.push(full);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the lines that go out, and of those that do not, by batch.
    fn shape(batches: &[Batch]) -> Vec<(Vec<u64>, Vec<u64>)> {
        let refused = |batch: &Batch| batch.refused.iter().map(|refused| refused.line).collect();
        batches.iter().map(|batch| (batch.numbers.clone(), refused(batch))).collect()
    }

    fn cut_all(cutter: Cutter, text: &[u8], step: usize) -> Vec<Batch> {
        let mut cutter = cutter;
        let mut batches: Vec<Batch> = text.chunks(step).flat_map(|chunk| cutter.push(chunk)).collect();
        batches.extend(cutter.finish());
        batches
    }

    #[test]
    fn lines_keep_their_numbers_however_the_bytes_come() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \nnonsense\n[1]\n {\"b\":2}\n{\"c\":3}";
        for step in [1, 2, 7, text.len()] {
            let batches = cut_all(Cutter::new(0, 0, []), text, step);
            assert_eq!(shape(&batches), [(vec![1, 6, 7], vec![4, 5])], "{step}");
            assert_eq!(batches[0].body, b"{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
            assert_eq!(batches[0].line(1), b"{\"b\":2}");
            assert_eq!(batches[0].place, Place { start: 0, end: text.len() as u64, last_line: 7 });
        }
    }

    #[test]
    fn a_batch_holds_so_many_lines() {
        let text = b"{}\n".repeat(BATCH_RECORDS * 2 + 1);
        let batches = cut_all(Cutter::new(0, 0, []), &text, 4096);
        let counts: Vec<_> = batches.iter().map(|batch| batch.numbers.len()).collect();
        assert_eq!(counts, [BATCH_RECORDS, BATCH_RECORDS, 1]);
        let keys: std::collections::HashSet<_> = batches.iter().map(Batch::key).collect();
        assert_eq!(keys.len(), 3, "equal batches at different places have different keys");
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES));
        let text = format!("{{}}\n{long}\n{{}}\n{long}");
        for step in [1 << 16, text.len()] {
            let batches = cut_all(Cutter::new(0, 0, []), text.as_bytes(), step);
            let sent: Vec<_> = batches.iter().flat_map(|batch| batch.numbers.clone()).collect();
            let refused: Vec<_> = batches.iter().flat_map(|batch| batch.refused.clone()).collect();
            assert_eq!(sent, [1, 3], "{step}");
            assert_eq!(refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [2, 4]);
            assert!(refused[0].reason.contains("a line may have 4194304"), "{}", refused[0].reason);
        }
    }

    #[test]
    fn an_unfinished_last_line_is_left_for_the_next_time() {
        let batches = cut_all(Cutter::new(0, 0, []), b"{\"a\":1}\n{\"b\":", 64);
        assert_eq!(shape(&batches), [(vec![1], vec![2])]);
        assert_eq!(batches[0].place, Place { start: 0, end: 8, last_line: 1 });
        // Continued there, after more has come.
        let batches = cut_all(Cutter::new(8, 1, []), b"{\"b\":2}\n", 64);
        assert_eq!(shape(&batches), [(vec![2], vec![])]);
    }

    #[test]
    fn an_earlier_runs_cuts_are_made_again() {
        let text = b"{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n";
        let batches = cut_all(Cutter::new(0, 0, [8, 16]), text, 64);
        assert_eq!(shape(&batches), [(vec![1], vec![]), (vec![2], vec![]), (vec![3], vec![])]);
    }

    #[test]
    fn halves_have_their_lines_and_keys() {
        let [batch] = <[Batch; 1]>::try_from(cut_all(Cutter::new(0, 0, []), b"{}\nx\n{}\n{}\n", 64)).unwrap();
        let [first, second] = batch.halves();
        assert_eq!((&first.numbers, &second.numbers), (&vec![1], &vec![3, 4]));
        assert_eq!((&*first.body, &*second.body), (&b"{}\n"[..], &b"{}\n{}\n"[..]));
        assert_ne!(first.key(), second.key());
    }
}
