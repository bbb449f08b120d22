//! Events as ClickHouse will be sent them: encoded once, when they come, by the thread that read them.

use super::RowWriter;
use super::native::NativeBlock;
use crate::event::{Event, Identity};
use log_center_wire::Fingerprint;

/// Fewer events than this at once go row by row: a block says the name of every column first, which is more than a few
/// rows are. As many are looked at to decide how a larger batch goes.
const BLOCK_ROWS_MIN: usize = 64;

/// A batch of which more than one event in so many is an occurrence of an issue goes row by row, too: each of these has
/// to be a block of its own.
const OCCURRENCES_AT_MOST: usize = 16;

/// Events of one day that are kept or dropped together.
#[derive(Debug)]
pub struct Block {
    /// The day, counted from 1970-01-01.
    pub day: i32,
    /// How many events.
    pub rows: u32,
    /// How they are written.
    pub encoding: Encoding,
    /// What a single event may be.
    pub occurrence: Option<Occurrence>,
    /// The events without the columns `batch` and `ordinal`.
    pub bytes: Vec<u8>,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One row in `RowBinary`.
    Row,
    /// The columns of a `Native` block, packed with LZ4, their number before them as one byte.
    Columns,
}

/// An event that belongs to an issue.
#[derive(Debug)]
pub struct Occurrence {
    /// The issue.
    pub fingerprint: Fingerprint,
    /// What the event is known by if it comes again; `None` = every arrival counts.
    pub identity: Option<Identity>,
    /// Whose it is.
    pub project: Box<str>,
    /// When it arrived, in milliseconds since 1970.
    pub received_at_ms: i64,
}

/// Encodes the events of one request, one after the other. Their order is kept.
#[derive(Default)]
pub struct Encoder<'a> {
    /// The first ones, until it is decided how all go.
    waiting: Vec<Event<'a>>,
    form: Option<Encoding>,
    /// Blocks that take more, by their day.
    open: Vec<(i32, NativeBlock)>,
    blocks: Vec<Block>,
}

impl<'a> Encoder<'a> {
    /// Takes the next event.
    pub fn push(&mut self, event: Event<'a>) {
        match self.form {
            Some(form) => self.write(form, &event),
            None => {
                self.waiting.push(event);
                if self.waiting.len() == BLOCK_ROWS_MIN {
                    self.decide();
                }
            }
        }
    }

    /// Everything that was pushed.
    pub fn finish(mut self) -> Vec<Block> {
        self.decide();
        self.blocks.extend(self.open.into_iter().map(close));
        self.blocks
    }

    fn decide(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let occurrences = waiting.iter().filter(|event| event.fingerprint.is_some()).count();
        let is_block = waiting.len() == BLOCK_ROWS_MIN && occurrences <= BLOCK_ROWS_MIN / OCCURRENCES_AT_MOST;
        let form = *self.form.get_or_insert(if is_block { Encoding::Columns } else { Encoding::Row });
        for event in &waiting {
            self.write(form, event);
        }
    }

    fn write(&mut self, form: Encoding, event: &Event<'_>) {
        if form == Encoding::Row {
            return self.blocks.push(row(event));
        }
        let day = event.time.day();
        let at = self.open.iter().position(|(known, _)| *known == day);
        if event.fingerprint.is_some() {
            // What was before it goes before it.
            self.blocks.extend(at.map(|at| self.open.swap_remove(at)).map(close));
            let mut alone = NativeBlock::new();
            event.write(&mut alone);
            self.blocks.push(Block { occurrence: occurrence(event), ..close((day, alone)) });
            return;
        }
        let at = at.unwrap_or_else(|| {
            self.open.push((day, NativeBlock::new()));
            self.open.len() - 1
        });
        event.write(&mut self.open[at].1);
    }
}

fn close((day, block): (i32, NativeBlock)) -> Block {
    // A batch has some thousand records at most.
    let rows = block.rows() as u32;
    let (columns, native) = (block.columns(), block.finish());
    let mut bytes = vec![columns];
    bytes.extend_from_slice(&lz4_flex::block::compress_prepend_size(&native));
    Block { day, rows, encoding: Encoding::Columns, occurrence: None, bytes }
}

fn row(event: &Event<'_>) -> Block {
    let mut bytes = Vec::with_capacity(512);
    event.write(&mut RowWriter::new(&mut bytes));
    let (day, occurrence) = (event.time.day(), occurrence(event));
    Block { day, rows: 1, encoding: Encoding::Row, occurrence, bytes }
}

fn occurrence(event: &Event<'_>) -> Option<Occurrence> {
    Some(Occurrence {
        fingerprint: event.fingerprint?,
        identity: event.identity,
        project: event.project.as_ref().into(),
        received_at_ms: event.received_at.0,
    })
}
