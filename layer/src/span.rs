//! What the layer keeps of a span: its fields, escaped, and the way to the spans around it.
//!
//! A node is looked up in the registry once per event; from there links lead outwards, because each look-up costs
//! more than following all of them. A field recorded late is written into the node, so every open child sees it.

use crate::callsite::{Facts, Style};
use crate::fields::{Column, Fields};
use crate::layer::Core;
use crate::limits::KEPT_SPANS;
use crate::recorder::Recording;
use std::cell::RefCell;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// In boxes, which go from span to span while what is in them stays where it is.
type Kept = Vec<Box<Fields>>;

thread_local! {
    /// The buffers of closed spans, for the next ones.
    static KEPT: RefCell<Kept> = const { RefCell::new(Vec::new()) };
}

/// A span, as long as it or one inside of it lives.
pub(crate) struct SpanNode {
    /// Taken only when this is dropped.
    fields: RwLock<Option<Box<Fields>>>,
    parent: Option<Arc<SpanNode>>,
    /// The nearest span around this one that can set a column.
    columns_above: Option<Arc<SpanNode>>,
    declares_columns: bool,
    style: &'static Style,
    /// The same span as another layer wrote it down, under another style.
    other: Option<Arc<SpanNode>>,
    /// What the flight recorder keeps of the request that this span opened.
    recording: Option<Box<Recording>>,
}

impl SpanNode {
    /// Takes over what was captured, and leaves empty buffers for it.
    pub(crate) fn new(
        facts: &Facts,
        parent: Option<Arc<SpanNode>>,
        captured: Option<&mut Box<Fields>>,
        recorded_by: Option<&Arc<Core>>,
        other: Option<Arc<SpanNode>>,
    ) -> Arc<SpanNode> {
        let columns_above = parent.as_ref().and_then(|parent| {
            if parent.declares_columns { Some(Arc::clone(parent)) } else { parent.columns_above.clone() }
        });
        let mut fields = KEPT
            .try_with(|kept| kept.try_borrow_mut().ok().and_then(|mut kept| kept.pop()))
            .ok()
            .flatten()
            .unwrap_or_default();
        if let Some(captured) = captured {
            std::mem::swap(captured, &mut fields);
        }
        let is_another = || parent.as_ref().is_none_or(|parent| parent.is_left_by(&fields));
        let recorded_by = recorded_by.filter(|_| facts.opens_request && is_another());
        let recording = recorded_by.and_then(Recording::new).map(Box::new);
        let fields = RwLock::new(Some(fields));
        let (declares_columns, style) = (facts.declares_columns, facts.style);
        Arc::new(SpanNode { fields, parent, columns_above, declares_columns, recording, style, other })
    }

    /// The same span as a layer of this style sees it.
    pub(crate) fn of_style(self: &Arc<Self>, style: &'static Style) -> Option<&Arc<SpanNode>> {
        let mut node = Some(self);
        while let Some(here) = node.filter(|here| !std::ptr::eq(here.style, style)) {
            node = here.other.as_ref();
        }
        node
    }

    /// What the flight recorder keeps of the request around, and the span that opened it.
    pub(crate) fn recording(&self) -> Option<(&SpanNode, &Recording)> {
        self.with_columns().find_map(|node| Some((node, node.recording.as_deref()?)))
    }

    /// Whether a span of these fields inside of this one is of another request. One that does not say which request
    /// it is of is of this one's.
    fn is_left_by(&self, inner: &Fields) -> bool {
        if self.recording().is_none() {
            return true;
        }
        let Some(id) = inner.column(Column::ReqId) else { return false };
        let around = self.with_columns().find_map(|node| {
            let fields = node.fields();
            fields.get()?.column(Column::ReqId).map(|around| around == id)
        });
        around == Some(false)
    }

    /// The style that it is written in.
    pub(crate) fn style(&self) -> &'static Style {
        self.style
    }

    /// The span around this one.
    pub(crate) fn parent(&self) -> Option<&SpanNode> {
        self.parent.as_deref()
    }

    /// This span and those around it, from the inside out.
    pub(crate) fn outwards(&self) -> impl Iterator<Item = &SpanNode> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }

    /// Of those, the ones that can set a column.
    pub(crate) fn with_columns(&self) -> impl Iterator<Item = &SpanNode> {
        let first = if self.declares_columns { Some(self) } else { self.columns_above.as_deref() };
        std::iter::successors(first, |node| node.columns_above.as_deref())
    }

    pub(crate) fn fields(&self) -> FieldsGuard<'_> {
        FieldsGuard(self.fields.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what was recorded on the span after it was made; what it said before under the same name is gone.
    pub(crate) fn record(&self, later: &Fields) {
        let mut fields = self.fields.write().unwrap_or_else(PoisonError::into_inner);
        fields.get_or_insert_default().update(later);
    }
}

/// The fields of a span, while nobody may add to them.
pub(crate) struct FieldsGuard<'a>(RwLockReadGuard<'a, Option<Box<Fields>>>);

impl FieldsGuard<'_> {
    /// Nothing, for a span on its way out.
    pub(crate) fn get(&self) -> Option<&Fields> {
        self.0.as_deref()
    }
}

impl Drop for SpanNode {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.end(self);
        }
        let fields = self.fields.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut fields) = fields.filter(|fields| !fields.is_oversized()) else { return };
        let _ = KEPT.try_with(|kept| {
            let Ok(mut kept) = kept.try_borrow_mut() else { return };
            if kept.len() < KEPT_SPANS {
                fields.clear();
                kept.push(fields);
            }
        });
    }
}
