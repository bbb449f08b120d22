use crate::counts::{WriterCounters, raise};
use crate::forward::Queue;
use crate::line::{self, Identity};
use crate::scratch::{self, Lease};
use crate::sink::Sink;
use crate::span::{Kind, SpanNode};
use crate::visit::{EventVisitor, SpanVisitor};
use log_center_wire::Level;
use std::sync::Arc;
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
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    fn level(&self, level: &tracing_core::Level) -> Option<Level> {
        Some(match *level {
            tracing_core::Level::ERROR => Level::Error,
            tracing_core::Level::WARN => Level::Warn,
            tracing_core::Level::INFO => Level::Info,
            tracing_core::Level::DEBUG => Level::Debug,
            _ if self.writes_trace => Level::Trace,
            _ => return None,
        })
    }

    fn lease(&self) -> Option<Lease> {
        let lease = scratch::lease();
        if lease.is_none() {
            raise(&self.counters.nested);
        }
        lease
    }

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
        let metadata = event.metadata();
        let Some(level) = self.core.level(metadata.level()) else { return };
        let Some(mut lease) = self.core.lease() else { return };
        // Foreign code runs here and only here; no lock is held meanwhile.
        event.record(&mut EventVisitor { captured: &mut lease.captured, fails: level >= Level::Error });
        let span = context.event_span(event);
        let extensions = span.as_ref().map(SpanRef::extensions);
        let node = extensions.as_ref().and_then(|extensions| extensions.get::<Arc<SpanNode>>());
        let node = node.map(Arc::as_ref);
        line::write_event(&mut lease, &self.core.identity, level, metadata, node);
        drop(extensions);
        lease.close();
        self.core.emit(&lease.line, level, metadata);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let kind = Kind::of(attributes.metadata());
        // A span nested too deep to be read still leads to the spans around it.
        let mut lease = self.core.lease();
        let captured = lease.as_mut().map(|lease| {
            let captured = &mut lease.captured;
            attributes.record(&mut SpanVisitor { captured, opens_request: kind.opens_request });
            &mut captured.fields
        });
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| node_of(&parent));
        let node = SpanNode::new(kind, parent, captured);
        // Two layers of this kind in one subscriber would make equal nodes; either serves both.
        span.extensions_mut().replace(node);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(node) = context.span(id).and_then(|span| node_of(&span)) else { return };
        let Some(mut lease) = self.core.lease() else { return };
        values.record(&mut SpanVisitor {
            captured: &mut lease.captured,
            opens_request: node.kind().opens_request,
        });
        node.record(&lease.captured.fields);
    }
}

fn node_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Arc<SpanNode>> {
    span.extensions().get::<Arc<SpanNode>>().map(Arc::clone)
}
