use crate::callsite::Style;
use crate::constancy;
use crate::counts::{WriterCounters, raise};
use crate::fields::Fields;
use crate::forward::Queue;
use crate::limits::MESSAGE_REPORTS;
use crate::line::{self, Clock, Draft, Identity};
use crate::redact::Hook;
use crate::scratch::{self, Nesting, Scratch};
use crate::sink::Sink;
use crate::span::SpanNode;
use crate::visit::Visitor;
use log_center_wire::Level;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// The layer: writes a bunyan line for each event and hands the ERROR records to the forwarder.
///
/// Made by [`Builder::build`](crate::Builder::build). It filters nothing but TRACE, and that only for itself:
/// which events there are is decided by the subscriber and its filters.
#[derive(Debug)]
pub struct LogCenterLayer {
    core: Arc<Core>,
}

/// What the layer, its guard and the forwarder share.
pub(crate) struct Core {
    pub(crate) identity: Identity,
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) counters: WriterCounters,
    /// None without an endpoint.
    pub(crate) queue: Option<Arc<Queue>>,
    pub(crate) writes_trace: bool,
    pub(crate) style: &'static Style,
    pub(crate) takes_backtraces: bool,
    pub(crate) reports_messages: bool,
    pub(crate) messages_reported: AtomicUsize,
    /// What the program says to each text.
    pub(crate) hook: Option<Box<Hook>>,
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

    /// Tells the authors of a callsite what is wrong with its message.
    #[cold]
    fn report_message(&self, line: &mut Vec<u8>, clock: &mut Clock, metadata: &Metadata<'_>) {
        if self.messages_reported.fetch_add(1, Ordering::Relaxed) < MESSAGE_REPORTS {
            line.clear();
            let extra = constancy::report(metadata);
            line::write_plain(line, &self.identity, Level::Warn, clock, constancy::REPORT, &extra);
            self.emit(line, Level::Warn, metadata);
        }
    }

    #[inline]
    fn emit(&self, line: &[u8], level: Level, metadata: &Metadata<'_>) {
        match self.sink.write(line, metadata) {
            Ok(()) => raise(&self.counters.written),
            Err(_) => raise(&self.counters.unwritten),
        }
        if let (Some(queue), true) = (&self.queue, level >= Level::Error) {
            queue.append(line);
        }
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
        let core = &*self.core;
        let metadata = event.metadata();
        let facts = core.style.facts(metadata);
        if facts.level == Level::Trace && !core.writes_trace {
            return;
        }
        core.with_scratch(|scratch, nesting| {
            let Scratch { line, captured, clock, ids } = scratch;
            let draft = Draft::begin(line, &core.identity, facts.level, clock);
            let mut visitor = Visitor { facts, captured, hook: core.hook.as_deref(), draft };
            // Foreign code runs here and only here; no lock is held meanwhile.
            event.record(&mut visitor);
            let Visitor { captured, draft, .. } = visitor;
            let breaks_rule = core.reports_messages && draft.breaks(&facts.constancy);
            if facts.fails && core.takes_backtraces {
                captured.failure.trace_here();
            }
            let span = context.event_span(event);
            let extensions = span.as_ref().map(SpanRef::extensions);
            let node = extensions.as_ref().and_then(|extensions| extensions.get::<Arc<SpanNode>>());
            let node = node.and_then(|node| node.of_style(core.style));
            draft.finish(captured, ids, &core.identity, facts, node.map(Arc::as_ref));
            drop(extensions);
            nesting.close();
            core.emit(line, facts.level, metadata);
            if breaks_rule {
                core.report_message(line, clock, metadata);
            }
        });
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let facts = self.core.style.facts(attributes.metadata());
        let add = |captured: Option<&mut Box<Fields>>| {
            let Some(span) = context.span(id) else { return };
            let parent = span.parent().and_then(|parent| node_of(&parent, facts.style));
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Arc<SpanNode>>() {
                None => extensions.insert(SpanNode::new(facts, parent, captured, None)),
                // Two layers of one style in one subscriber would make equal nodes; either serves both.
                Some(node) if node.of_style(facts.style).is_some() => {}
                Some(node) => *node = SpanNode::new(facts, parent, captured, Some(Arc::clone(node))),
            }
        };
        let read = self.core.with_scratch(|scratch, _| {
            let Scratch { line, captured, .. } = scratch;
            let hook = self.core.hook.as_deref();
            let mut visitor = Visitor { facts, captured, hook, draft: Draft::none(line) };
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
        let Some(node) = node_of(&span, self.core.style) else { return };
        let facts = self.core.style.facts(span.metadata());
        drop(span);
        self.core.with_scratch(|scratch, _| {
            let Scratch { line, captured, .. } = scratch;
            let hook = self.core.hook.as_deref();
            let mut visitor = Visitor { facts, captured, hook, draft: Draft::none(line) };
            values.record(&mut visitor);
            node.record(&visitor.captured.fields);
        });
    }
}

fn node_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, style: &'static Style) -> Option<Arc<SpanNode>> {
    span.extensions().get::<Arc<SpanNode>>()?.of_style(style).map(Arc::clone)
}
