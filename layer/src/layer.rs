use crate::callsite::Style;
use crate::counts::{WriterCounters, raise};
use crate::fields::Fields;
use crate::filter::{Filter, Verdict};
use crate::forward::{Forwarding, Queue, Worth};
use crate::line::{self, Draft, Identity, Plain};
use crate::process::{self, Alarm, PanicNote};
use crate::recorder::Recorder;
use crate::scratch::{self, Nesting, Scratch};
use crate::sink::Sink;
use crate::span::SpanNode;
use crate::visit::Visitor;
use log_center_wire::Level;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// How long to leave a full standard output alone before trying once more.
const STDOUT_PAUSE: Duration = Duration::from_millis(5);

/// The layer: writes a bunyan line for each event and hands records to the forwarder.
///
/// Made by [`Builder::build`](crate::Builder::build). Which events there are is decided by the subscriber and its
/// filters; of these the layer leaves out TRACE, and what
/// [`Builder::write_filter`](crate::Builder::write_filter) and
/// [`Builder::forward_filter`](crate::Builder::forward_filter) say, each only for itself.
#[derive(Debug)]
pub struct LogCenterLayer {
    core: Arc<Core>,
}

/// What the layer, its guard and the forwarder share.
pub(crate) struct Core {
    /// The process that it is for.
    pub(crate) pid: u32,
    /// What takes its place in a forked child.
    pub(crate) next: OnceLock<Arc<Core>>,
    pub(crate) identity: Identity,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) counters: WriterCounters,
    /// None without an endpoint.
    pub(crate) queue: Option<Arc<Queue>>,
    /// What the queue is set up by.
    pub(crate) forwarding: Option<Forwarding>,
    /// Only in the mode that it is for.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) filter: Filter,
    pub(crate) writes_trace: bool,
    pub(crate) style: &'static Style,
    pub(crate) flush_timeout: Duration,
    /// Wakes and stops the ticker.
    pub(crate) alarm: Arc<Alarm>,
    /// What becomes of the layer's own records, which no subscriber filters.
    pub(crate) own_filter: Filter,
    pub(crate) settings: process::Settings,
    /// The guard was dropped.
    pub(crate) closed: AtomicBool,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    /// Works with the thread's buffers; not at all if events are nested too deep, which is counted.
    #[inline]
    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch, &Nesting<'_>) -> R) -> Option<R> {
        let result = scratch::with(work);
        if result.is_none() {
            raise(&self.counters.nested);
        }
        result
    }

    #[inline]
    fn write(self: &Arc<Self>, line: &[u8], metadata: &Metadata<'_>) {
        match self.sink.write(line, metadata) {
            Ok(()) => raise(&self.counters.written),
            Err(_) if std::process::id() != self.pid => {
                self.of_this_process().write(line, metadata);
            }
            Err(_) => raise(&self.counters.unwritten),
        }
    }

    /// Gives a record to the forwarder, or to the recorder of its request; `tm` is what it says of the time that the
    /// request took.
    fn hand_over(&self, line: &[u8], level: Level, tm: Option<Duration>, span: Option<&SpanNode>) {
        let Some(queue) = &self.queue else { return };
        let worth = if level >= Level::Error { Worth::Failure } else { Worth::Ordinary };
        if self.recorder.is_none() {
            queue.append(line, worth);
            return;
        }
        match span.and_then(SpanNode::recording) {
            Some((opener, recording)) if recording.is_of(self) => recording.take(line, level, tm, opener),
            _ if worth == Worth::Failure => queue.append(line, worth),
            _ => {}
        }
    }
}

/// Records of the layer's own, and what is left to do for those that are written.
impl Core {
    /// Writes a record that no event stands behind. The server has it in the mode that sends everything.
    pub(crate) fn tell(self: &Arc<Self>, metadata: &'static Metadata<'static>, plain: &Plain<'_>) {
        let verdict = self.own_filter.verdict(metadata);
        if verdict == Verdict::NOTHING {
            return;
        }
        self.with_scratch(|scratch, nesting| {
            let Scratch { line, clock, .. } = scratch;
            line::write_plain(line, &self.identity, clock, plain);
            if verdict.is_handed_over {
                self.hand_over(line, plain.level, None, None);
            }
            nesting.close();
            if verdict.is_written {
                self.write(line, metadata);
            }
        });
    }

    /// Writes the record of a panic.
    pub(crate) fn tell_panic(
        self: &Arc<Self>,
        note: &Arc<PanicNote>,
        metadata: &'static Metadata<'static>,
        level: Level,
        span: Option<&SpanNode>,
    ) {
        let verdict = self.own_filter.verdict(metadata);
        if verdict == Verdict::NOTHING {
            return;
        }
        self.with_scratch(|scratch, nesting| {
            let Scratch { line, captured, clock, ids } = scratch;
            let mut draft = Draft::begin(line, &self.identity, level, clock);
            draft.write_message(|line| line.extend_from_slice(metadata.name().as_bytes()));
            captured.failure.take_panic(note);
            draft.finish(captured, ids, &self.identity, self.style.facts(metadata), span);
            if verdict.is_handed_over {
                self.hand_over(line, level, None, span);
            }
            nesting.close();
            if verdict.is_written {
                self.write(line, metadata);
            }
        });
    }

    /// Writes what is kept, and sends what waits. Whether the fate of every line and record is known in time.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        let written = self.flush_sink(deadline);
        self.queue.as_ref().is_none_or(|queue| queue.flush(deadline)) && written
    }

    pub(crate) fn flush_sink(&self, deadline: Instant) -> bool {
        while !self.sink.flush() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(STDOUT_PAUSE);
        }
        true
    }
}

impl LogCenterLayer {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl<S> Layer<S> for LogCenterLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let core = self.core.current();
        let metadata = event.metadata();
        let verdict = core.filter.verdict(metadata);
        if verdict == Verdict::NOTHING {
            return;
        }
        let facts = core.style.facts(metadata);
        if facts.level == Level::Trace && !core.writes_trace {
            return;
        }
        core.with_scratch(|scratch, nesting| {
            let Scratch { line, captured, clock, ids } = scratch;
            let mut core = core;
            let mut draft = Draft::begin(line, &core.identity, facts.level, clock);
            if clock.take_tick() || facts.fails {
                let used = core;
                core = used.of_this_process();
                if !Arc::ptr_eq(core, used) {
                    draft = draft.begin_again(&core.identity, facts.level, clock);
                }
            }
            let mut visitor = Visitor { facts, captured, draft };
            // Foreign code runs here and only here; no lock is held meanwhile.
            event.record(&mut visitor);
            let Visitor { captured, draft, .. } = visitor;
            let span = context.event_span(event);
            let extensions = span.as_ref().map(SpanRef::extensions);
            let node = extensions.as_ref().and_then(|extensions| extensions.get::<Arc<SpanNode>>());
            let node = node.map(Arc::as_ref);
            let tm = captured.tm();
            draft.finish(captured, ids, &core.identity, facts, node);
            if verdict.is_handed_over {
                core.hand_over(line, facts.level, tm, node);
            }
            drop(extensions);
            nesting.close();
            if verdict.is_written {
                core.write(line, metadata);
            }
        });
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let facts = self.core.style.facts(attributes.metadata());
        let add = |captured: Option<&mut Box<Fields>>| {
            let Some(span) = context.span(id) else { return };
            let parent = span.parent().and_then(|parent| node_of(&parent));
            let core = self.core.current();
            let recorded_by = core.recorder.as_ref().map(|_| core);
            let node = SpanNode::new(facts, parent, captured, recorded_by);
            // Two layers of this kind in one subscriber would make equal nodes; either serves both, unless one records.
            let mut extensions = span.extensions_mut();
            if recorded_by.is_some() || extensions.get_mut::<Arc<SpanNode>>().is_none() {
                extensions.replace(node);
            }
        };
        let read = self.core.with_scratch(|scratch, _| {
            let Scratch { line, captured, .. } = scratch;
            let mut visitor = Visitor { facts, captured, draft: Draft::none(line) };
            attributes.record(&mut visitor);
            add(Some(&mut visitor.captured.fields));
        });
        // A span nested too deep to be read still leads to the spans around it.
        if read.is_none() {
            add(None);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let Some(node) = node_of(&span) else { return };
        let facts = self.core.style.facts(span.metadata());
        drop(span);
        self.core.with_scratch(|scratch, _| {
            let Scratch { line, captured, .. } = scratch;
            let mut visitor = Visitor { facts, captured, draft: Draft::none(line) };
            values.record(&mut visitor);
            node.record(&visitor.captured.fields);
        });
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        // A panic that leaves a span, on whichever thread, and whoever catches it.
        let core = self.core.current();
        if !thread::panicking() || core.recorder.is_none() {
            return;
        }
        let node = context.span(id).and_then(|span| node_of(&span));
        if let Some((opener, recording)) = node.as_ref().and_then(|node| node.recording()) {
            if recording.is_of(core) {
                recording.panicked(opener);
            }
        }
    }
}

fn node_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Arc<SpanNode>> {
    span.extensions().get::<Arc<SpanNode>>().map(Arc::clone)
}
