//! Which events are written, and which are handed to the forwarder: two answers, as each has a filter of its own. In
//! the flight recorder DEBUG events are kept that nobody wants written.
//!
//! Both depend on nothing but the callsite, so a thread asks once for each, as long as few callsites share a place.

use crate::forward::ForwardMode;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing_core::subscriber::Interest;
use tracing_core::{Level, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

/// How many callsites a thread knows the [`Verdict`] of.
const VERDICTS: usize = 256;

thread_local! {
    /// Verdicts by filter and by the address of the callsite's metadata, which stays what it is.
    static KNOWN: [Cell<(usize, usize, Verdict)>; VERDICTS] =
        const { [const { Cell::new((0, 0, Verdict::NOTHING)) }; VERDICTS] };
}

/// What becomes of the events of one callsite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_written: bool,
    /// Its records are handed to the forwarder, or to the flight recorder.
    pub(crate) is_handed_over: bool,
}

impl Verdict {
    pub(crate) const NOTHING: Verdict = Verdict { is_written: false, is_handed_over: false };
}

/// The two filters.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Tells the filters of one process apart; never 0.
    id: usize,
    /// None: everything that the subscriber lets through is written.
    write: Option<Targets>,
    /// None: what is written is handed over.
    hand_over: Option<Targets>,
    /// None: nothing is handed over.
    mode: Option<ForwardMode>,
}

impl Filter {
    pub(crate) fn new(write: Option<Targets>, hand_over: Option<Targets>, mode: Option<ForwardMode>) -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        // Who asks for the words of one target only means them with the ids of their request.
        #[cfg(any(feature = "tower", feature = "reqwest"))]
        let [write, hand_over] = [write, hand_over].map(|targets| {
            targets.map(|targets| targets.with_target(crate::hop::SPAN_TARGET, LevelFilter::ERROR))
        });
        Self { id: LAST.fetch_add(1, Ordering::Relaxed) + 1, write, hand_over, mode }
    }

    /// None: nothing is handed over.
    pub(crate) fn mode(&self) -> Option<ForwardMode> {
        self.mode
    }

    /// What becomes of an event.
    #[inline]
    pub(crate) fn verdict(&self, metadata: &'static Metadata<'static>) -> Verdict {
        if self.write.is_none() && self.hand_over.is_none() {
            return self.judge(metadata);
        }
        let address = std::ptr::from_ref(metadata).addr();
        let known = |verdicts: &[Cell<(usize, usize, Verdict)>; VERDICTS]| {
            // Metadata is larger than 64 bytes, so neighbours fall into different places.
            let place = &verdicts[address / 64 % VERDICTS];
            let (filter, callsite, verdict) = place.get();
            if (filter, callsite) == (self.id, address) {
                return verdict;
            }
            let verdict = self.judge(metadata);
            place.set((self.id, address, verdict));
            verdict
        };
        KNOWN.try_with(known).unwrap_or_else(|_| self.judge(metadata))
    }

    #[inline]
    fn judge(&self, metadata: &Metadata<'_>) -> Verdict {
        let passes = |targets: &Targets| targets.would_enable(metadata.target(), metadata.level());
        let is_written = self.write.as_ref().is_none_or(passes);
        let is_meant = match self.mode {
            None => false,
            Some(ForwardMode::Errors) => *metadata.level() == Level::ERROR,
            Some(ForwardMode::All | ForwardMode::OnError) => true,
        };
        let is_handed_over = is_meant && self.hand_over.as_ref().map_or(is_written, passes);
        Verdict { is_written, is_handed_over }
    }
}

/// As the subscriber's filter: what is neither written nor handed over does not happen.
impl<S: Subscriber> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.judge(metadata) == Verdict::NOTHING { Interest::never() } else { Interest::always() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.judge(metadata) != Verdict::NOTHING
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let highest = |targets: &Option<Targets>| targets.as_ref().map(max_level);
        // Without a filter of its own each has no bound.
        let write = highest(&self.write)?;
        let hand_over = highest(&self.hand_over).unwrap_or(write);
        Some(match self.mode {
            None => write,
            Some(ForwardMode::Errors) => write.max(hand_over.min(LevelFilter::ERROR)),
            Some(ForwardMode::All | ForwardMode::OnError) => write.max(hand_over),
        })
    }
}

fn max_level(targets: &Targets) -> LevelFilter {
    let named = targets.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF);
    named.max(targets.default_level().unwrap_or(LevelFilter::OFF))
}
