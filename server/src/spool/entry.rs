//! What one write to the disk holds, and how it is laid out.
//!
//! ```text
//! entry   = version u8, start u64, section*
//! section = kind u8, day i32, rows u32, bytes u32, piece*      bytes: those of the pieces with their lengths
//! piece   = length u32, RowBinary of one row                   where the kind is one of rows
//!         | length u32, rows u32, columns u8, packed Native    where it is one of blocks
//! ```
//! Numbers are little-endian. `start` is the number of bytes ever appended before this entry. A section holds the rows of
//! one table and one day, because a day is a partition and one insert into one partition is atomic. The pieces are
//! what ClickHouse will be sent but for the column `batch`, so that nobody decodes them again; `version` says which columns
//! they have.

use super::SpoolError;
use super::index::IssueKey;
use crate::ingest::columns::{COLUMN_NAMES, COLUMN_NAMES_1, Columns};
use crate::ingest::{Block, Encoding, RowWriter, push_head};
use log_center_wire::IssueStatus;

/// Raised whenever the columns of a table change; [`columns`] knows them all.
const VERSION: u8 = 2;

/// Most bytes that a block can unpack to: those of the largest body, and what its columns add to them.
const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// Of a block, before what is packed: the numbers of rows and of columns.
const BLOCK_HEADER_BYTES: usize = 4 + 1;

const HEADER_BYTES: usize = 1 + 8;
const SECTION_HEADER_BYTES: usize = 1 + 4 + 4 + 4;

/// Which table the rows of a section belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `event_store`, row by row.
    Event,
    /// `event_store`, in blocks.
    EventBlock,
    /// `issue_transitions`.
    Transition,
}

impl Kind {
    /// The table.
    pub const fn table(self) -> &'static str {
        match self {
            Kind::Event | Kind::EventBlock => "event_store",
            Kind::Transition => "issue_transitions",
        }
    }

    /// The format of its pieces, as ClickHouse calls it.
    pub const fn format(self) -> &'static str {
        match self {
            Kind::Event | Kind::Transition => "RowBinary",
            Kind::EventBlock => "Native",
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Kind::Event => 1,
            Kind::Transition => 2,
            Kind::EventBlock => 3,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Kind::Event),
            2 => Some(Kind::Transition),
            3 => Some(Kind::EventBlock),
            _ => None,
        }
    }
}

/// The columns of the rows of an entry of this version; `None` for a version that this program does not know.
pub fn columns(version: u8, kind: Kind) -> Option<&'static str> {
    match (version, kind) {
        (1, Kind::Event) => Some(COLUMN_NAMES_1),
        (2, Kind::Event | Kind::EventBlock) => Some(&COLUMN_NAMES),
        (1 | 2, Kind::Transition) => Some(Transition::COLUMNS),
        _ => None,
    }
}

/// A change of an issue's state, or the making of an issue, on its way into an entry.
pub(super) struct Transition<'a> {
    /// 0 where an issue is made, so that this does not count as a change of what another server may know of it.
    pub(super) sequence: u64,
    pub(super) issue: &'a IssueKey,
    /// `None` where an issue is made.
    pub(super) from: Option<IssueStatus>,
    pub(super) to: IssueStatus,
    pub(super) at_ms: i64,
    pub(super) actor: &'a str,
    pub(super) note: &'a str,
}

impl Transition<'_> {
    const COLUMNS: &'static str =
        "batch, sequence, issue_id, fingerprint, project, from_status, to_status, at, actor, note";

    fn write_row(&self, out: &mut Vec<u8>) {
        RowWriter::new(out)
            .u64(self.sequence)
            .u64(self.issue.id.get())
            .fixed(self.issue.fingerprint.as_bytes())
            .string(&self.issue.project)
            .string(self.from.map_or("", IssueStatus::as_str))
            .string(self.to.as_str())
            .i64(self.at_ms)
            .string(self.actor)
            .string(self.note);
    }
}

/// Collects rows into the sections of one entry.
#[derive(Default)]
pub(super) struct EntryBuilder {
    sections: Vec<Building>,
}

struct Building {
    kind: Kind,
    day: i32,
    rows: u32,
    bytes: Vec<u8>,
}

impl EntryBuilder {
    pub(super) fn events(&mut self, block: &Block) {
        match block.encoding {
            Encoding::Row => self.push(Kind::Event, block.day, 1, |out| out.extend_from_slice(&block.bytes)),
            Encoding::Columns => self.push(Kind::EventBlock, block.day, block.rows, |out| {
                out.extend_from_slice(&block.rows.to_le_bytes());
                out.extend_from_slice(&block.bytes);
            }),
        }
    }

    pub(super) fn transition(&mut self, transition: &Transition<'_>) {
        self.push(Kind::Transition, 0, 1, |out| transition.write_row(out));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The entry as it is stored.
    pub(super) fn finish(self, start: u64) -> Vec<u8> {
        let size = HEADER_BYTES
            + self.sections.iter().map(|section| SECTION_HEADER_BYTES + section.bytes.len()).sum::<usize>();
        let mut out = Vec::with_capacity(size);
        out.push(VERSION);
        out.extend_from_slice(&start.to_le_bytes());
        for section in self.sections {
            out.push(section.kind.number());
            out.extend_from_slice(&section.day.to_le_bytes());
            out.extend_from_slice(&section.rows.to_le_bytes());
            out.extend_from_slice(&length_u32(section.bytes.len()).to_le_bytes());
            out.extend_from_slice(&section.bytes);
        }
        out
    }

    fn push(&mut self, kind: Kind, day: i32, rows: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let position = self.sections.iter().position(|section| section.kind == kind && section.day == day);
        let position = position.unwrap_or_else(|| {
            self.sections.push(Building { kind, day, rows: 0, bytes: Vec::new() });
            self.sections.len() - 1
        });
        let section = &mut self.sections[position];
        let at = section.bytes.len();
        section.bytes.extend_from_slice(&[0; 4]);
        write(&mut section.bytes);
        let length = length_u32(section.bytes.len() - at - 4);
        section.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        section.rows += rows;
    }
}

/// A length that fits: a request's rows are bounded far below 4 GiB by the body limits and by `GROUP_BYTES`.
fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A stored entry, read.
pub struct Entry<'a> {
    /// The version of its columns.
    pub version: u8,
    /// How many bytes were ever appended before it.
    pub start: u64,
    /// What it holds.
    pub sections: Vec<Section<'a>>,
}

/// The rows of one table and one day.
pub struct Section<'a> {
    /// The table.
    pub kind: Kind,
    /// The day, counted from 1970-01-01; 0 for transitions.
    pub day: i32,
    /// How many rows.
    pub rows: u32,
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// It is damaged, or of a newer version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SpoolError> {
        Self::read(bytes).ok_or_else(|| SpoolError::Damaged("an entry of the spool is damaged".to_owned()))
    }

    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let [version] = take(&mut bytes)?;
        let start = u64::from_le_bytes(take(&mut bytes)?);
        let mut sections = Vec::new();
        while !bytes.is_empty() {
            let [kind] = take(&mut bytes)?;
            let day = i32::from_le_bytes(take(&mut bytes)?);
            let rows = u32::from_le_bytes(take(&mut bytes)?);
            let length = u32::from_le_bytes(take(&mut bytes)?) as usize;
            let (body, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            sections.push(Section { kind: Kind::from_number(kind)?, day, rows, bytes: body });
        }
        Some(Self { version, start, sections })
    }
}

impl Section<'_> {
    /// Appends the rows as ClickHouse takes them, each with the batch.
    ///
    /// # Errors
    /// The section is damaged.
    pub fn write_rows(&self, batch: u64, out: &mut Vec<u8>) -> Result<(), SpoolError> {
        let damaged = || SpoolError::Damaged("a section of the spool is damaged".to_owned());
        let mut bytes = self.bytes;
        while !bytes.is_empty() {
            let length = u32::from_le_bytes(take(&mut bytes).ok_or_else(damaged)?) as usize;
            let (piece, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
            bytes = rest;
            if self.kind == Kind::EventBlock {
                push_block(piece, batch, out).ok_or_else(damaged)?;
            } else {
                out.extend_from_slice(&batch.to_le_bytes());
                out.extend_from_slice(piece);
            }
        }
        Ok(())
    }

    /// The size of the rows as ClickHouse is sent them, but for `batch`. What is damaged counts as it lies.
    pub fn unpacked_len(&self) -> usize {
        if self.kind != Kind::EventBlock {
            return self.bytes.len();
        }
        let (mut bytes, mut size) = (self.bytes, 0);
        while let Some(length) = take(&mut bytes).map(u32::from_le_bytes) {
            let Some((piece, rest)) = bytes.split_at_checked(length as usize) else { break };
            let packed = piece
                .get(BLOCK_HEADER_BYTES..)
                .and_then(|packed| lz4_flex::block::uncompressed_size(packed).ok());
            size += packed.map_or(piece.len(), |(size, _)| size);
            bytes = rest;
        }
        size
    }
}

/// Unpacks a block behind its head; `None` if it is damaged.
fn push_block(mut piece: &[u8], batch: u64, out: &mut Vec<u8>) -> Option<()> {
    let rows = u32::from_le_bytes(take(&mut piece)?) as usize;
    let [columns] = take(&mut piece)?;
    push_head(out, usize::from(columns), rows, batch);
    let (size, packed) = lz4_flex::block::uncompressed_size(piece).ok()?;
    let start = out.len();
    // A damaged size must not take all memory: no block unpacks to more than a body can hold.
    out.resize(start + Some(size).filter(|size| *size <= UNPACKED_BYTES_MAX)?, 0);
    let written = lz4_flex::block::decompress_into(packed, &mut out[start..]).ok()?;
    (written == size).then_some(())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}
