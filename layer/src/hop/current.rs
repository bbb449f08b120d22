//! Which request the caller is in. The span says it, so it holds wherever the span does: across `.await`, and in
//! a task that was spawned with `.instrument`.

use super::TraceContext;
use crate::fields::Column;
use crate::span::SpanNode;
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::Span;
#[cfg(feature = "tower")]
use tracing_core::{field::Value, span::Record};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// The request around the caller; none outside of every request, and none if its span is filtered out.
pub(crate) fn current() -> Option<TraceContext> {
    Span::current()
        .with_subscriber(|(id, dispatch)| {
            let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
            let node = span.extensions().get::<Arc<SpanNode>>().map(Arc::clone)?;
            let req_id = column(&node, Column::ReqId).filter(|id| !id.is_empty())?;
            Some(TraceContext {
                req_id,
                #[cfg(feature = "reqwest")]
                span_id: column(&node, Column::SpanId).unwrap_or_default(),
            })
        })
        .flatten()
}

#[cfg(feature = "tower")]
/// Records `uid` on the nearest span around the caller that declares it.
pub(crate) fn set_uid(uid: &str) {
    Span::current().with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id));
        let Some(span) = span else { return };
        for span in span.scope() {
            let fields = span.metadata().fields();
            if let Some(field) = fields.field(Column::Uid.name()) {
                let values = [(&field, Some(&uid as &dyn Value))];
                dispatch.record(&span.id(), &Record::new(&fields.value_set(&values)));
                return;
            }
        }
    });
}

/// What the innermost span says of a column.
fn column(node: &SpanNode, column: Column) -> Option<String> {
    node.with_columns().find_map(|node| {
        let fields = node.fields();
        // `,"req_id":"…"`, as it stands in a line.
        let Some((b',', member)) = fields.get()?.column(column)?.split_first() else {
            return Some(String::new());
        };
        let object = [b"{", member, b"}"].concat();
        let mut object: BTreeMap<String, String> = serde_json::from_slice(&object).ok()?;
        object.remove(column.name())
    })
}
