use super::own;

/// A frame that names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) file: &'a str,
    /// 0 if it names no line.
    pub(super) line: u32,
    /// Whether it is of the program's own code.
    pub(super) own: bool,
}

impl<'a> Frame<'a> {
    /// A frame whose file alone tells whether it is of the program's own code.
    pub(super) fn of(file: &'a str, line: u32) -> Self {
        Self { file, line, own: own::is_own(file) }
    }
}

/// The best frames of one form so far. Of each frame it is told a rank: how far it is from the error that was raised. Less is better.
#[derive(Debug, Default)]
pub(super) struct Best<'a> {
    own: Option<(i64, Frame<'a>)>,
    any: Option<(i64, Frame<'a>)>,
    frames: usize,
    first: Option<usize>,
}

/// The rank of a place that is not told by a frame, but by the heading of a stack. It counts when no frame does.
pub(super) const HEADING: i64 = i64::MAX;

impl<'a> Best<'a> {
    /// A frame in the line `number`. Of frames with the same rank the first one is the innermost.
    pub(super) fn offer(&mut self, frame: Frame<'a>, rank: i64, number: usize) {
        self.take(frame, rank, number, |rank, best| rank < best);
    }

    /// The same, where the last one is the innermost.
    pub(super) fn offer_last(&mut self, frame: Frame<'a>, rank: i64, number: usize) {
        self.take(frame, rank, number, |rank, best| rank <= best);
    }

    fn take(&mut self, frame: Frame<'a>, rank: i64, number: usize, is_better: fn(i64, i64) -> bool) {
        self.frames += usize::from(rank != HEADING);
        self.first.get_or_insert(number);
        let kept = |slot: &mut Option<(i64, Frame<'a>)>| {
            if slot.is_none_or(|(best, _)| is_better(rank, best)) {
                *slot = Some((rank, frame));
            }
        };
        kept(&mut self.any);
        if frame.own {
            kept(&mut self.own);
        }
    }

    /// The first line that was a frame.
    pub(super) fn first(&self) -> Option<usize> {
        self.first
    }

    /// Whether there is a frame, and not only a heading.
    pub(super) fn has_frames(&self) -> bool {
        self.frames > 0
    }

    /// Whether a stack is rather of this form than of the other: it has more frames, or as many and the first.
    pub(super) fn is_plainer_than(&self, other: &Best<'_>) -> bool {
        self.frames > other.frames || (self.frames == other.frames && self.first < other.first)
    }

    pub(super) fn frame(&self) -> Option<Frame<'a>> {
        self.own.or(self.any).map(|(_, frame)| frame)
    }
}
