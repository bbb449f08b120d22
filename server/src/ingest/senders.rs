use super::Event;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::xxh3_128;

/// Who sent a batch: the processes whose records it holds, each by its name, host name and process id. It is what
/// the batch says, so it keeps apart those that do not know of each other, and nobody who wants to be taken for another.
#[derive(Debug, Default)]
pub struct Senders {
    /// The hashes, sorted.
    known: BTreeSet<u128>,
    scratch: Vec<u8>,
}

impl Senders {
    /// Takes in the sender of one record.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        self.scratch.clear();
        for text in [&event.project, &event.hostname] {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            self.scratch.extend_from_slice(&(text.len() as u64).to_le_bytes());
            self.scratch.extend_from_slice(text.as_bytes());
        }
        self.scratch.extend_from_slice(&event.pid.to_le_bytes());
        self.known.insert(xxh3_128(&self.scratch));
    }

    /// The same for the same senders, in whatever order their records stand.
    pub(super) fn digest(&self) -> [u8; 16] {
        let all: Vec<u8> = self.known.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        xxh3_128(&all).to_le_bytes()
    }
}
