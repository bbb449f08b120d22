//! An event: what the server accepted, and one row of `event_store`.
//!
//! [`columns`] is the table of fields, one row a column. From a row follow:
//!
//! ```text
//! the member of Event, its empty value        the encoders, the versions of the spool       (encode)
//! the member of Record, the SELECT lists      the JSON of a record and its documentation    (record)
//! the columns of the views                    the fields of a search                        (columns, field)
//! the table in docs/fields.md                                                               (docs)
//! ```
//! A new column is one row there and a migration; a test holds the two together.
//!
//! Everything here is pure: no clock, no disk, no network.

pub mod columns;
pub mod docs;
mod encode;
pub(crate) mod field;
mod id;
mod identity;
pub mod kind;
mod record;
pub mod retention;
mod senders;
mod state;
mod table;
pub(crate) mod value;

pub use columns::{Event, Record};
pub use encode::{Block, Columns, Encoder, Encoding, Occurrence};
pub(crate) use encode::{NATIVE_TIME_AT, Ordinals, RowWriter, push_head, push_numbers};
pub use id::{EventId, ParseEventIdError};
pub use identity::{Content, Identity, KeyField, RequestKey};
pub use senders::Senders;
pub use state::HopState;
pub use table::{Column, Member};

/// By which way an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The report API.
    Report,
    /// A bunyan record.
    Record,
}

impl Source {
    /// Both of them.
    pub const ALL: [Source; 2] = [Source::Report, Source::Record];

    /// `report` or `record`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Report => "report",
            Source::Record => "record",
        }
    }
}
