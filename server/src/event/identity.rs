use super::Senders;
use md5::{Digest, Md5};
use xxhash_rust::xxh3::xxh3_128;

/// What makes two arrivals the same thing: 16 bytes that are remembered for as long as the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub [u8; 16]);

/// A key that a client gave to a whole request, and what the request held.
#[derive(Debug, Clone, Copy)]
pub struct RequestKey {
    /// The key as one of its sender.
    pub identity: Identity,
    /// Where it stood.
    pub field: KeyField,
    /// What it was given to.
    pub content: Content,
}

/// Where a client writes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyField {
    /// The header `Idempotency-Key`.
    Header = 1,
    /// `event_id` in the body.
    EventId = 2,
}

/// The hash of a body after decompression. It is not one that resists an attack: whoever makes two bodies with the same
/// hash loses the second of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(pub u128);

impl RequestKey {
    /// The key in the header of a batch. It is its senders': services that number their batches from 1 do not know
    /// of each other.
    pub fn of_batch(key: &str, senders: &Senders, body: &[u8]) -> Self {
        let identity = Identity::hash(b"batch", &[&senders.digest(), key.as_bytes()]);
        Self { identity, field: KeyField::Header, content: Content::of(body) }
    }

    /// A key of a report, wherever it stands. It is its project's.
    pub fn of_report(field: KeyField, project: &str, key: &str, content: Content) -> Self {
        Self { identity: Identity::of_event(project, key), field, content }
    }
}

impl KeyField {
    /// As a client knows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyField::Header => "Idempotency-Key",
            KeyField::EventId => "event_id",
        }
    }

    /// The one that is stored as this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(KeyField::Header),
            2 => Some(KeyField::EventId),
            _ => None,
        }
    }
}

impl Content {
    /// That of a body after decompression.
    pub fn of(body: &[u8]) -> Self {
        Self(xxh3_128(body))
    }
}

impl Identity {
    /// The identity of an event that names itself: by `event_id`, or by the `Idempotency-Key` of its report.
    pub fn of_event(project: &str, event_id: &str) -> Self {
        Self::hash(b"event", &[project.as_bytes(), event_id.as_bytes()])
    }

    /// The identity of a record that does not: its own text, and which of its equals in the batch it is.
    pub fn of_content(line: &[u8], ordinal: u32) -> Self {
        Self::hash(b"content", &[line, &ordinal.to_le_bytes()])
    }

    fn hash(kind: &[u8], parts: &[&[u8]]) -> Self {
        let mut md5 = Md5::new();
        md5.update(kind);
        for part in parts {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            md5.update((part.len() as u64).to_le_bytes());
            md5.update(part);
        }
        Self(md5.finalize().into())
    }
}
