use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReason {
    /// The queue for the server was full; the oldest records gave way, those of level ERROR last.
    QueueFull,
    /// The flight recorder had no more room for the records of a request that then met an ERROR. The request's oldest
    /// give way; one that meets none loses nothing that anybody wanted.
    RecorderFull,
    /// The server took the batch and refused this record.
    Rejected,
    /// The server refused the whole batch with a status that no repetition would change (401, 404, …).
    Refused,
    /// The server finds even this one record too large (413), or it alone is larger than the queue.
    TooLarge,
    /// The guard was dropped and its deadline passed, or the record came after that.
    Shutdown,
}

impl LossReason {
    /// All reasons.
    pub const ALL: [LossReason; 6] = [
        LossReason::QueueFull,
        LossReason::RecorderFull,
        LossReason::Rejected,
        LossReason::Refused,
        LossReason::TooLarge,
        LossReason::Shutdown,
    ];

    /// The key under which the record `log records lost` counts it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LossReason::QueueFull => "queue_full",
            LossReason::RecorderFull => "recorder_full",
            LossReason::Rejected => "rejected",
            LossReason::Refused => "refused",
            LossReason::TooLarge => "too_large",
            LossReason::Shutdown => "shutdown",
        }
    }
}

/// What became of the records so far, since the layer was built.
///
/// Of those meant for the server, `offered` = `accepted` + `waiting` + [`lost_in_all`](Self::lost_in_all), at any
/// moment.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Lines that the writer took.
    pub written: u64,
    /// Lines that the writer failed to take (a closed pipe, a full disk).
    pub unwritten: u64,
    /// Events that were dropped, and spans whose fields were, because they came out of the formatting or the
    /// writing of another one.
    pub nested: u64,
    /// Records meant for the server. Those that the flight recorder keeps are meant for it once their request meets an
    /// ERROR; a record that tells how many of them are missing counts too.
    pub offered: u64,
    /// Of these, the ones that the server accepted.
    pub accepted: u64,
    /// Of these, the ones in the queue or on their way.
    pub waiting: u64,
    /// Memory that the flight recorder holds at the moment, in bytes.
    pub recorder_bytes: u64,
    pub(crate) lost: [u64; LossReason::ALL.len()],
}

impl Counts {
    /// Records meant for the server that are gone for this reason.
    pub fn lost(&self, reason: LossReason) -> u64 {
        self.lost[reason as usize]
    }

    /// Records meant for the server that are gone, for whatever reason.
    pub fn lost_in_all(&self) -> u64 {
        self.lost.iter().sum()
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Counts");
        fields
            .field("written", &self.written)
            .field("unwritten", &self.unwritten)
            .field("nested", &self.nested);
        fields
            .field("offered", &self.offered)
            .field("accepted", &self.accepted)
            .field("waiting", &self.waiting)
            .field("recorder_bytes", &self.recorder_bytes);
        for reason in LossReason::ALL {
            fields.field(reason.as_str(), &self.lost(reason));
        }
        fields.finish()
    }
}

/// What the layer itself counts. The forwarder's figures change together and are kept with its queue.
#[derive(Default)]
pub(crate) struct WriterCounters {
    pub(crate) written: AtomicU64,
    pub(crate) unwritten: AtomicU64,
    pub(crate) nested: AtomicU64,
}

pub(crate) fn raise(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl WriterCounters {
    pub(crate) fn add_to(&self, counts: &mut Counts) {
        counts.written = self.written.load(Ordering::Relaxed);
        counts.unwritten = self.unwritten.load(Ordering::Relaxed);
        counts.nested = self.nested.load(Ordering::Relaxed);
    }
}
