use md5::{Digest, Md5};

/// What makes two arrivals the same thing: 16 bytes that are remembered for as long as the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub [u8; 16]);

/// What an idempotency key names: the same word may come for a report and for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySpace<'a> {
    /// One event of a project: a report's `Idempotency-Key`, or `event_id` wherever it stands.
    Event {
        /// The project.
        project: &'a str,
    },
    /// A whole batch of records.
    Batch,
}

impl Identity {
    /// The identity that a client's key gives.
    pub fn of_key(space: KeySpace<'_>, key: &str) -> Self {
        match space {
            KeySpace::Event { project } => Self::of_event(project, key),
            KeySpace::Batch => Self::hash(b"batch", &[key.as_bytes()]),
        }
    }

    /// The identity of an event that names itself.
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
