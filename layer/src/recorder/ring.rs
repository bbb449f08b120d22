use std::collections::VecDeque;

/// Lines in a circle, so that dropping the oldest moves nothing. A line is never taken apart: one that does not fit at
/// the end begins anew at the start, where the oldest ones stood.
#[derive(Default)]
pub(super) struct Ring {
    /// All of it usable, whether or not lines stand there.
    bytes: Vec<u8>,
    /// Of the lines, the oldest first. It does not grow by itself.
    marks: VecDeque<Mark>,
    /// Where the newest line ends.
    end: usize,
}

/// Where a line stands. Every ring is bounded far below what 32 bits count.
#[derive(Clone, Copy)]
struct Mark {
    start: u32,
    end: u32,
}

impl Mark {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

impl Ring {
    fn new(bytes: usize, lines: usize) -> Self {
        Self { bytes: vec![0; bytes], marks: VecDeque::with_capacity(lines), end: 0 }
    }

    /// Memory that a ring takes.
    pub(super) fn footprint_of(bytes: usize, lines: usize) -> usize {
        bytes + lines * size_of::<Mark>()
    }

    /// Memory that it holds, used or not.
    pub(super) fn footprint(&self) -> usize {
        Self::footprint_of(self.bytes.capacity(), self.marks.capacity())
    }

    /// Bytes of lines that there is memory for.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The lines, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.marks.iter().map(|mark| mark.of(&self.bytes))
    }

    /// Adds a line as the newest. Whether there was room.
    pub(super) fn push(&mut self, line: &[u8]) -> bool {
        let Some(start) = self.place_for(line.len()) else { return false };
        self.end = start + line.len();
        self.bytes[start..self.end].copy_from_slice(line);
        self.marks.push_back(Mark { start: start as u32, end: self.end as u32 });
        true
    }

    fn place_for(&self, length: usize) -> Option<usize> {
        if self.marks.len() == self.marks.capacity() {
            return None;
        }
        let left = self.bytes.len() - self.end;
        match self.marks.front() {
            None => (length <= self.bytes.len()).then_some(0),
            // The newest stand before the oldest.
            Some(oldest) if self.end <= oldest.start as usize => {
                (self.end + length <= oldest.start as usize).then_some(self.end)
            }
            Some(_) if length <= left => Some(self.end),
            Some(oldest) => (length <= oldest.start as usize).then_some(0),
        }
    }

    /// Drops the oldest line. Whether there was one.
    pub(super) fn drop_oldest(&mut self) -> bool {
        self.marks.pop_front().is_some()
    }

    /// Takes more memory.
    pub(super) fn grow(&mut self, bytes: usize, lines: usize) {
        let mut grown = Self::new(bytes, lines);
        self.iter().for_each(|line| {
            grown.push(line);
        });
        *self = grown;
    }

    /// No lines, and the memory kept.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
        self.end = 0;
    }
}
