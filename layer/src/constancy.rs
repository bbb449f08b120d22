//! Whether a callsite's message is a constant text, as the log specification wants it: records are counted by it.

use crate::callsite::Style;
use crate::format::Origin;
use crate::line::Pairs;
use std::hash::Hasher;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use tracing_core::Metadata;

/// What a report says.
pub(crate) const REPORT: &str = "message has data in it";

/// What is known of the messages of one callsite.
pub(crate) struct Constancy {
    /// Not, once it was reported.
    watched: AtomicBool,
    /// The message seen before: where it was, how long, and its hash; zero before the first.
    address: AtomicUsize,
    len: AtomicUsize,
    hash: AtomicU64,
}

impl Constancy {
    /// Only what the program's own authors can mend is watched: cargo names the files of a workspace relatively,
    /// those of dependencies absolutely. What comes from the `log` crate has one callsite for all.
    pub(crate) fn of(metadata: &Metadata<'_>) -> Self {
        let is_own = metadata.file().is_some_and(|file| !Path::new(file).is_absolute());
        Self {
            watched: AtomicBool::new(is_own && metadata.is_event()),
            address: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            hash: AtomicU64::new(0),
        }
    }

    /// Whether a message shows that the callsite formats data into it. True once at most.
    #[inline]
    pub(crate) fn is_broken_by(&self, origin: Origin, text: &[u8]) -> bool {
        let is_same = origin.pieces == 1
            && origin.address == self.address.load(Relaxed)
            && origin.len == self.len.load(Relaxed);
        !is_same && self.watched.load(Relaxed) && self.is_news(origin, text)
    }

    #[cold]
    fn is_news(&self, origin: Origin, text: &[u8]) -> bool {
        if origin.pieces <= 1 {
            let hash = hash(text);
            // A race of two first messages only delays the finding by one.
            let before = self.hash.swap(hash, Relaxed);
            if before == 0 || before == hash {
                self.address.store(origin.address, Relaxed);
                self.len.store(origin.len, Relaxed);
                return false;
            }
        }
        self.watched.swap(false, Relaxed)
    }
}

/// Never zero.
fn hash(text: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(text);
    hasher.finish() | 1
}

/// The `extra` of a report.
pub(crate) fn report(style: &Style, metadata: &Metadata<'_>) -> Pairs {
    let level = metadata.level().as_str().to_ascii_lowercase();
    let mut extra = Pairs::of(style);
    extra.text("file", metadata.file().unwrap_or_default());
    extra.number("line", metadata.line().unwrap_or_default().into());
    extra.text("instead", &format!("{level}!(order = id, \"order placed\")"));
    extra
}
