//! Lines one behind the other, as the bytes that they will be sent as, from which the oldest can be taken away.

/// What a line is worth where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    Ordinary,
    /// An ERROR, or what tells how it came to one. It goes last.
    Failure,
}

/// Where a line ends, and what it is worth, in four bytes: the lowest bit is the worth.
#[derive(Debug, Clone, Copy)]
struct Mark(u32);

impl Mark {
    /// Every buffer here is bounded far below what 31 bits count.
    fn new(end: usize, worth: Worth) -> Self {
        Self((end as u32) << 1 | u32::from(worth == Worth::Failure))
    }

    fn end(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn worth(self) -> Worth {
        if self.0 & 1 == 0 { Worth::Ordinary } else { Worth::Failure }
    }
}

/// Whole lines, each with its line feed.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// How many lines at the front are gone.
    gone: usize,
    failures: usize,
}

impl Lines {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn push(&mut self, line: &[u8], worth: Worth) {
        self.bytes.extend_from_slice(line);
        self.marks.push(Mark::new(self.bytes.len(), worth));
        self.failures += usize::from(worth == Worth::Failure);
    }

    /// All lines.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.start()..]
    }

    pub(crate) fn len(&self) -> usize {
        self.marks.len() - self.gone
    }

    /// How many of them are failures.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// How many are not.
    pub(crate) fn ordinary(&self) -> usize {
        self.len() - self.failures
    }

    /// The oldest line.
    pub(crate) fn first(&self) -> Option<(&[u8], Worth)> {
        let mark = self.marks.get(self.gone)?;
        Some((&self.bytes[self.start()..mark.end()], mark.worth()))
    }

    /// Takes the oldest line away.
    pub(crate) fn remove_first(&mut self) {
        if let Some(mark) = self.marks.get(self.gone) {
            self.failures -= usize::from(mark.worth() == Worth::Failure);
            self.gone += 1;
        }
    }

    /// The lines from the oldest on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = self.start();
        self.marks[self.gone..].iter().map(move |mark| {
            let line = &self.bytes[start..mark.end()];
            start = mark.end();
            line
        })
    }

    /// The same lines in two halves; None if there are less than two.
    pub(crate) fn halves(&self) -> Option<[Lines; 2]> {
        let first = self.len() / 2;
        let mut halves = [Lines::default(), Lines::default()];
        for (index, (line, mark)) in self.iter().zip(&self.marks[self.gone..]).enumerate() {
            halves[usize::from(index >= first)].push(line, mark.worth());
        }
        (first > 0).then_some(halves)
    }

    /// No lines, and the memory kept.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.gone = 0;
        self.failures = 0;
    }

    fn start(&self) -> usize {
        if self.gone == 0 { 0 } else { self.marks[self.gone - 1].end() }
    }
}
